"""Posts: handles, hashtags, lower case, slang spellings of names, emoji, links to profiles."""

from __future__ import annotations

import random

from benchmarks.sets import people
from benchmarks.sets.draft import Record, fill_rounds

N_ROUNDS = 8


def _handle(rng: random.Random) -> str:
    return "@" + people.login(rng)


def _camel_handle(rng: random.Random) -> str:
    return "@" + people.plain(people.given(rng)).title() + people.plain(people.family(rng)).title()


def _slang(rng: random.Random) -> str:
    """Return a name as friends type it: clipped, doubled, with -y or -ito."""
    name = people.plain(people.given(rng)).title()
    return rng.choice(
        [name, name + name[-1] * rng.randint(1, 3), name[:3] + "zy", name[:4] + "ie", "Lil " + name, name]
    )


def _phone(rng: random.Random) -> str:
    a, b, c = rng.randint(201, 989), rng.randint(200, 999), rng.randint(0, 9999)
    return rng.choice([f"{a}-{b}-{c:04d}", f"({a}) {b}-{c:04d}", f"{a}.{b}.{c:04d}", f"+1 {a} {b} {c:04d}"])


def _profile(rng: random.Random) -> str:
    host = rng.choice(
        ["instagram.com/", "tiktok.com/@", "twitch.tv/", "soundcloud.com/", "linktr.ee/", "github.com/"]
    )
    return rng.choice(["", "https://", "https://www."]) + host + people.login(rng)


SLOTS = {
    "handle": ("USERNAME", _handle),
    "camel": ("USERNAME", _camel_handle),
    "person": ("PERSON", people.full),
    "given": ("PERSON", people.given),
    "slang": ("PERSON", _slang),
    "phone": ("PHONE", _phone),
    "profile": ("URL", _profile),
    "mail": ("EMAIL", people.mail),
}
TEMPLATES = [
    "{handle} lol you were right 😂😂",
    "RT {camel}: new episode is OUT NOW 🔥 ft. {person}",
    "shoutout to {handle} and {handle} for the tix!!",
    "omg {given} just texted me i cant 💀",
    "happy bday {slang}!!! 🎂🎉 love u {handle}",
    ".{handle} pls fix the app it crashed AGAIN",
    "going live w/ {given} at 9pm est, link: {profile}",
    "lost my phone, txt me at {phone} if u need me",
    "so proud of my lil sis {given} 🎓 #classof2024",
    "{handle} {handle} {handle} who's driving",
    "ngl {person} carried that whole movie",
    "RIP {person}. Gone too soon 💔",
    "just met {person} at the airport, so humble!!",
    "is it just me or does {given} look tired in the new pic",
    "thx {slang} for the ride home last nite",
    "DM me or mail {mail} for collabs ✨",
    "my ex {given} is dating {given} now wtf",
    "Congrats to {person} ({camel}) on the new job at the hospital!",
    "watching the game with {given} & {given} 🏈",
    "if {given} doesnt text back by midnight im blocking him",
    "follow my bf {handle} hes so close to 1k",
    "{given} said what?? 😭 spill",
    "Class of 09 reunion, call {person} on {phone}",
    "nobody: \n{given}: let me tell u about my podcast",
    "can't believe {handle} blocked me lmaooo",
    "missing u {slang} 🥺",
    "got my nails done by {given} (ig: {handle}), 10/10",
    "{person} for mayor! vote tmrw",
    "who's that girl w {given} in {handle}'s story",
    "new mixtape by {slang} dropping friday {profile}",
    "my prof {person} cancelled class again, best day ever",
    "thinking abt u and the kids {given} xx",
    "cc {camel} {camel} thoughts?",
    "i swear {given} if u eat my leftovers again",
]  # fmt: skip


def generate(seed: int) -> list[Record]:
    """Return posts; half of them in lower case, a few shouted."""
    return fill_rounds("social", TEMPLATES, SLOTS, seed, N_ROUNDS, 0.5, 0.05)
