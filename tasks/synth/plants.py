"""Where personal data and odd texts are planted, and with which words around them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tasks.synth.options import Options
from tasks.synth.people import TYPE_WEIGHTS, Person, choose_carrier, split_home
from tasks.synth.phrasebook import Ints, Phrasebook
from tasks.synth.plan import Plan, Stream, open_stream

Target = Literal[
    "content", "thought", "task_summary", "task_expectation", "occupation", "purposes", "feedback"
]

_HUGE_CHARS = 400_000
_HUGE_ONE_IN = 60


@dataclass(frozen=True, slots=True)
class Plant:
    """One planted span.

    Attributes:
        target: kind of field.
        row: message, thought, conversation or participant within the block, as the target asks.
        is_leading: at the start of the field rather than after its first sentence.
        kind: span type.
        before: words of the carrier sentence before the span.
        surface: the personal data itself.
        after: words after it.
    """

    target: Target
    row: int
    is_leading: bool
    kind: str
    before: str
    surface: str
    after: str


@dataclass(frozen=True, slots=True)
class Oddity:
    """One hostile or unusual text at the end of a message or thought."""

    target: Literal["content", "thought"]
    row: int
    kind: str
    text: str


class People:
    """The participants of a block, made when first asked for."""

    def __init__(self, words: Mapping[str, Any], seed: int, plan: Plan) -> None:
        self._words = words
        self._seed = seed
        self._numbers = plan.p_number
        self._made: dict[int, Person] = {}

    def __getitem__(self, participant: int) -> Person:
        if participant not in self._made:
            self._made[participant] = Person(self._words, self._seed, int(self._numbers[participant]))
        return self._made[participant]


def plan_plants(
    book: Phrasebook, words: Mapping[str, Any], people: People, plan: Plan, seed: int, options: Options
) -> list[Plant]:
    """Choose and word the planted spans of a block.

    At most one plant leads a message and one follows its first sentence; other fields hold at most one.
    A name once given comes back in later turns of the conversation, as names do.
    """
    rng = open_stream(seed, plan.block, Stream.PLANT)
    pick = random.Random(int(rng.integers(2**62)))
    kinds, weights = list(TYPE_WEIGHTS), list(TYPE_WEIGHTS.values())
    share = options.pii_share
    plants: list[Plant] = []
    taken: set[tuple[Target, int, bool]] = set()

    def plant(
        target: Target, row: int, participant: int, kind: str, *, leads: bool, frame: tuple[str, str] | None
    ) -> None:
        if (target, row, leads) in taken:
            return
        taken.add((target, row, leads))
        person = people[participant]
        surface = person.first_name if frame else person.surface(kind, pick)
        language = book.languages[plan.p_language[participant]]
        before, after = frame or choose_carrier(words, kind, language, pick)
        if kind == "PATH":
            # the home folder says who; what lies in it does not
            surface, rest = split_home(surface)
            after = rest + after
        plants.append(Plant(target, row, leads, kind, before, surface, after))

    def frame_of(name: str) -> tuple[str, str]:
        before, _, after = pick.choice(words[name]).partition("{}")
        return before, after

    message_participant = plan.c_participant[plan.m_conversation]
    is_user = plan.m_role == 0
    for m in np.flatnonzero(is_user & (rng.random(len(is_user)) < share)).tolist():
        participant = int(message_participant[m])
        kind = pick.choices(kinds, weights)[0]
        plant("content", m, participant, kind, leads=pick.random() < 0.4, frame=None)
        if kind == "PERSON":
            if pick.random() < 0.4:
                plant("content", m + 1, participant, kind, leads=True, frame=frame_of("echo"))
            later = m + 2
            if (
                later < len(is_user)
                and plan.m_conversation[later] == plan.m_conversation[m]
                and pick.random() < 0.4
            ):
                plant("content", later, participant, kind, leads=False, frame=frame_of("again"))

    def scatter(target: Target, participants: Ints, rate: float) -> None:
        for row in np.flatnonzero(rng.random(len(participants)) < rate).tolist():
            kind = pick.choices(kinds, weights)[0]
            plant(target, row, int(participants[row]), kind, leads=False, frame=None)

    everyone = np.arange(len(plan.p_number))
    scatter("thought", message_participant[plan.t_message], share / 4)
    scatter("task_summary", plan.c_participant, share / 4)
    scatter("task_expectation", plan.c_participant, share / 4)
    scatter("occupation", everyone, share / 6)
    scatter("purposes", everyone, share / 6)
    if options.dialect != "published":
        scatter("feedback", everyone, share)
    return plants


def plan_oddities(words: Mapping[str, Any], plan: Plan, seed: int, options: Options) -> list[Oddity]:
    """Choose the odd texts of a block; about one in sixty is a message of 400,000 characters."""
    rng = open_stream(seed, plan.block, Stream.ODDITY)
    pick = random.Random(int(rng.integers(2**62)))
    pool = [(kind, text) for kind, texts in words["oddities"].items() for text in texts]
    found: list[Oddity] = []
    for m in np.flatnonzero(rng.random(len(plan.m_role)) < options.oddity_share).tolist():
        if pick.randrange(_HUGE_ONE_IN) == 0:
            lines = "".join(
                f"{i:06d} an unusually long pasted log line\n" for i in range(_HUGE_CHARS // 39 + 1)
            )
            found.append(Oddity("content", m, "huge", lines[:_HUGE_CHARS]))
            continue
        found.append(Oddity("content", m, *pick.choice(pool)))
    for t in np.flatnonzero(rng.random(len(plan.t_label)) < options.oddity_share).tolist():
        found.append(Oddity("thought", t, *pick.choice(pool)))
    return found
