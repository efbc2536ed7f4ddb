"""Reading only what can matter of an assistant's answer decides the same as reading all of it."""

import random

from tasks.scrub.conversation import Turn, decide_conversation
from tasks.scrub.detect import Detector
from tasks.scrub.policy import Thresholds
from tasks.scrub.reading import lines_to_read, names_possible
from tasks.scrub.spans import Span

THRESHOLDS = Thresholds(0.5, 0.3)
PEOPLE = ["Petra Lindqvist", "Thandiwe Mokoena", "Ines van der Molen", "Marie Curie", "Burak", "Rose Oyelaran", "Mr. Quillfeather", "Li Na"]  # fmt: skip
ANSWERS = [
    "## About {a}\n",
    "- **{a}** and {b} wrote the first chapter in Leuven.\n",
    "A long line about nothing in particular, with rivers, bread and the weather of the week.\n",
    "Contact {a} at petra.l@example.org or 0470 12 34 56.\n",
    "Contact:\n\n{b}\n\nplanner@example.org\n",
    "1. The method of {b} (1987) is still used; see also {a}, {b} and others.\n",
    "```python\nname = '{a}'\n```\n",
    "In Paris, {a}\nmet with {b}.\n",
    "Good luck!\n\n",
]
QUESTIONS = [
    "who is {a}?",
    "tell me more about {first} please",
    "My friend {a} told me to ask.",
    "thanks, that is all i wanted to know about the rose garden",
    "what did {lower} do then",
]


def conversation(rng: random.Random) -> list[Turn]:
    turns: list[Turn] = []
    for index in range(rng.randint(1, 3)):
        a, b = rng.sample(PEOPLE, 2)
        values = {"a": a, "b": b, "first": a.split()[0], "lower": a.lower()}
        turns.append(Turn(f"u{index}", rng.choice(QUESTIONS).format(**values), is_assistant=False))
        lines = (
            line.format(**dict(zip("ab", rng.sample(PEOPLE, 2), strict=True)))
            for line in rng.choices(ANSWERS, k=8)
        )
        turns.append(Turn(f"a{index}", "".join(lines), is_assistant=True))
    return turns


def test_decisions_are_those_of_reading_everything(detector: Detector) -> None:
    rng = random.Random(11)
    n_masks = 0
    for _ in range(25):
        turns = conversation(rng)
        texts = [t.text for t in turns]
        words = names_possible(t.text for t in turns if not t.is_assistant)
        partly = detector.detect(texts, [words if t.is_assistant else None for t in turns])
        wholly = detector.detect(texts)
        decided = decide_conversation(turns, partly, detector.detect, THRESHOLDS)
        assert decided == decide_conversation(turns, wholly, detector.detect, THRESHOLDS)
        n_masks += sum(len(d.masks) for d in decided)
    assert n_masks > 100


def test_only_lines_with_a_word_or_beside_a_contact_are_read() -> None:
    filler = "nothing of interest in this line at all, it goes on and on and then it ends somewhere\n" * 10
    text = f"{filler}Petra was here.\n{filler}Write to x@example.org\n{filler}"
    words = names_possible(["i met petra yesterday, The river was High"])
    assert {"petra"} <= words <= {"petra", "high"}
    at = text.index("x@")
    ranges = lines_to_read(text, words, [Span(at, at + 13, "EMAIL", 1.0, "email")])
    assert any(a <= text.index("Petra") < b for a, b in ranges)
    assert any(a <= at < b for a, b in ranges)
    assert sum(b - a for a, b in ranges) < len(text) / 3
    assert all(0 <= a < b <= len(text) for a, b in ranges)
    assert lines_to_read(filler, words, ()) == []


def test_a_name_without_spaces_around_is_still_read_whole() -> None:
    assert lines_to_read("Petra", frozenset({"petra"}), ()) == [(0, 5)]
    assert lines_to_read("", frozenset({"petra"}), ()) == []
