"""Invented people and numbers to plant, and the disguises they are planted in.

Shares no list, pattern or check-digit code with the recognisers: a canary proves something only when it
was made without looking at what it tests.
"""

from __future__ import annotations

import json
import random
import string
from collections.abc import Callable

_GIVEN = [
    "Aldous",
    "Benedetta",
    "Casimir",
    "Delphina",
    "Emeric",
    "Fenella",
    "Gaspard",
    "Hedwig",
    "Ilario",
    "Jocasta",
    "Kasimira",
    "Leopoldo",
    "Marisela",
    "Nikodem",
    "Ottilie",
    "Perpetua",
    "Quirin",
    "Rosalba",
    "Severin",
    "Thekla",
    "Ulrika",
    "Valentijn",
    "Wilhelmina",
    "Xiomara",
    "Ysolde",
    "Zenobia",
    "Priyanjali",
    "Tomohiro",
    "Oluchi",
    "Hamidah",
    "Siobhra",
    "Anselm",
    "Brunhild",
    "Cosima",
    "Dagny",
    "Evander",
]
_FAMILY = [
    "Abernethy-Cole",
    "Brandvold",
    "Castellanos",
    "Dragomirov",
    "Eichelberger",
    "Fitzwarren",
    "Grzybowski",
    "Hallvardsson",
    "Iturralde",
    "Jankauskas",
    "Kettleburn",
    "Lindenmayer",
    "Mbatha",
    "Nakagawara",
    "Oyelowo",
    "Pettersen",
    "Quintanilla",
    "Rademaker",
    "Szilagyi",
    "Trevelyan",
    "Umarov",
    "Vasconcelos",
    "Wojciechowski",
    "Xenakis",
    "Yamashiro",
    "Zubizarreta",
    "Thistlewood",
    "Ravensworth",
    "Adeyinka",
    "Bhattacharjee",
    "Chukwudi",
    "Holmqvist",
]
_DOMAINS = ("postfach-nord", "vivid-larks", "kestrelmail", "brambleton", "aurorapost")
_ENDINGS = ("org", "net", "com", "co.uk", "de", "io")
STRUCTURED = ("EMAIL", "PHONE", "CREDIT_CARD", "IBAN", "SSN", "IP", "SECRET", "ID", "CRYPTO")
TYPES = ("PERSON", *STRUCTURED)
VARIANTS = ("plain", "code", "json", "url", "split", "full_width", "zero_width")


def _pick(rng: random.Random, alphabet: str, n: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(n))


def _with_luhn(body: str) -> str:
    for last in string.digits:
        doubled = [int(c) * (2 if i % 2 == len(body) % 2 else 1) for i, c in enumerate(body + last, start=1)]
        if sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0:
            return body + last
    raise AssertionError("one of ten digits always fits")


def _german_account(rng: random.Random) -> str:
    body = _pick(rng, string.digits, 18)
    check = 98 - int(f"{body}131400") % 97  # D = 13, E = 14
    return f"DE{check:02d}{body}"


def invent(kind: str, rng: random.Random) -> str:
    """Return one invented value of a type."""
    makers: dict[str, Callable[[], str]] = {
        "PERSON": lambda: f"{rng.choice(_GIVEN)} {rng.choice(_FAMILY)}",
        "EMAIL": lambda: (
            f"{rng.choice(_GIVEN).lower()}.{_pick(rng, string.ascii_lowercase, 5)}{rng.randint(1, 99)}@"
            f"{rng.choice(_DOMAINS)}.{rng.choice(_ENDINGS)}"
        ),
        "PHONE": lambda: f"+49 30 {rng.randint(200, 899)} {rng.randint(1000, 9999)}",
        "CREDIT_CARD": lambda: _with_luhn("4" + _pick(rng, string.digits, 14)),
        "IBAN": lambda: _german_account(rng),
        "SSN": lambda: f"{rng.randint(100, 665)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}",
        "IP": lambda: (
            f"{rng.randint(80, 95)}.{rng.randint(20, 250)}.{rng.randint(1, 250)}.{rng.randint(2, 250)}"
        ),
        "SECRET": lambda: "ghp_" + _pick(rng, string.ascii_letters + string.digits, 36),
        "ID": lambda: (
            "5" + _pick(rng, "0123456789abcdef", 21) + rng.choice("abcdef") + rng.choice("0123456789")
        ),
        "CRYPTO": lambda: "0x" + _pick(rng, "0123456789abcdef", 40),
    }
    return makers[kind]()


_SENTENCES = {
    "PERSON": (
        "I asked {} about it yesterday.",
        "My name is {}.",
        "{} told me that it would work.",
        "Please write it to {}, who is my neighbour.",
        "It was the idea of {} and nobody else.",
        "The appointment with {} is on Friday.",
    ),
    "EMAIL": ("Write to {} please.", "my mail: {}"),
    "PHONE": ("Call me on {} tonight.", "phone {}"),
    "CREDIT_CARD": ("The card is {}.", "pay with {}"),
    "IBAN": ("Transfer it to {}.", "account {}"),
    "SSN": ("The number on the form is {}.", "ssn {}"),
    "IP": ("It came from {} again.", "host {}"),
    "SECRET": ("I used {} there.", "token {}"),
    "ID": ("My participant number is {}.", "id {}"),
    "CRYPTO": ("Send it to {} then.", "wallet {}"),
}
_SPLIT_AFTER = {"EMAIL": "@", "PHONE": " ", "PERSON": " "}


def variants_of(kind: str) -> tuple[str, ...]:
    """Return the disguises in which a type is planted; a person is no part of a link."""
    return tuple(v for v in VARIANTS if not (v == "url" and kind == "PERSON"))


def disguise(kind: str, value: str, variant: str, rng: random.Random) -> str:
    """Return the text to plant: a sentence, code, JSON or link that holds the value."""
    sentence = rng.choice(_SENTENCES[kind])
    if variant == "code":
        return f"```python\n{kind.lower()} = {json.dumps(value)}\n```"
    if variant == "json":
        return json.dumps({"note": sentence.format(value), kind.lower(): value})
    if variant == "url":
        # a host that shares nothing with a value: what stays readable of the link is no part of what was planted
        return f"https://forms.quitz.example/a?{kind.lower()}={value.replace(' ', '%20').replace('+', '%2B')}&x=1"
    if variant == "split":
        mark = _SPLIT_AFTER.get(kind)
        if mark is None:
            return sentence.replace(" {}", "\n{}").format(value)
        head, _, tail = value.partition(mark)
        return sentence.format(f"{head}{mark.strip()}\n{tail}")
    if variant == "full_width":
        return sentence.format("".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in value))
    if variant == "zero_width":
        middle = len(value) // 2
        return sentence.format(f"{value[:middle]}\u200b{value[middle:]}")
    return sentence.format(value)
