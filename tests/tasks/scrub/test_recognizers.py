"""Every recogniser proves itself by its own examples."""

import re
import time

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.scrub.recognizers import RECOGNIZERS, Recognizer
from tasks.scrub.recognizers.gate import Gate
from tasks.scrub.spans import SPAN_TYPES

BY_NAME = {r.name: r for r in RECOGNIZERS}


def unmark(example: str) -> tuple[str, int, int]:
    start = example.index("«")
    end = example.index("»") - 1
    return example.replace("«", "").replace("»", ""), start, end


def cases(which: str) -> list:
    return [
        pytest.param(r, e, id=f"{r.name}-{i}") for r in RECOGNIZERS for i, e in enumerate(getattr(r, which))
    ]


@pytest.mark.parametrize(("recognizer", "example"), cases("must"))
def test_finds_its_examples(recognizer: Recognizer, example: str) -> None:
    text, start, end = unmark(example)
    assert (start, end) in [(s.start, s.end) for s in recognizer.find(text)]
    assert re2.search(recognizer.gate, text), "the gate must let the example pass"


@pytest.mark.parametrize(("recognizer", "example"), cases("must_not"))
def test_leaves_its_counter_examples(recognizer: Recognizer, example: str) -> None:
    assert [s for s in recognizer.find(example) if s.score >= 0.5] == []


def test_names_are_unique_and_types_known() -> None:
    assert len(BY_NAME) == len(RECOGNIZERS)
    assert {r.type for r in RECOGNIZERS} <= set(SPAN_TYPES)
    assert all(r.must and r.must_not for r in RECOGNIZERS)


GATE = Gate(RECOGNIZERS)
FRAGMENTS = [
    *(unmark(e)[0] for r in RECOGNIZERS for e in r.must),
    *(e for r in RECOGNIZERS for e in r.must_not),
    *"\n .,@:/-_()#'\"0123456789",
    "Ä",
    "é",
    "日本",
    "٣",
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=12).map("".join))
def test_gate_hides_nothing(text: str) -> None:
    assert GATE.find(text, always_gate=True) == [s for r in RECOGNIZERS for s in r.find(text)]


HOSTILE = [
    "a", "A", "1", "-", ".", "@", " ", "\n", "A.", "A ", "a.", "a-", "1 ", "1-", "1.", "(", "Aa ", "Aa-", "A'", "a:", ":a", "0:", "/a", "=", "==", "\"'", "key=", "key key ",
    "http://", "a@", "@a.", "1 A ", "1 Aa Bb ", "my name is ", "Dear ", "id ", "ssn ", "ey", "-----BEGIN PRIVATE KEY-----", "\\", "%40", "Aa, B. ", "x.y.", " dot ", " at ", "+1 ", "°", "A1", "0x", "Aa\n", "card ", "password ", "basic ", "--token ", "<a", "1//0",
]  # fmt: skip


@pytest.mark.parametrize("recognizer", RECOGNIZERS, ids=lambda r: r.name)
def test_time_grows_linearly(recognizer: Recognizer) -> None:
    """Four times the text may take about four times as long; quadratic would take sixteen times."""
    for piece in HOSTILE:
        size = 20_000
        small = (piece * size)[:size]
        seconds = cpu(recognizer, small)
        if seconds < 0.03:
            continue
        large = (piece * size * 4)[: size * 4]
        assert min(cpu(recognizer, large) for _ in range(3)) < 10 * seconds, (
            f"{piece!r}: {seconds:.3f} s for {size} characters"
        )


def near_misses(recognizer: Recognizer) -> set[str]:
    """What starts like a match and is none, to be repeated: where a pattern that backtracks is slowest."""
    pieces: set[str] = set()
    for example in recognizer.must:
        text = unmark(example)[0]
        n = len(text)
        pieces |= {text, text[:-1], text[: n // 2], text[n // 2 :], f"{text[: 3 * n // 4]} "}
    return {p for p in pieces if p}


@pytest.mark.parametrize("recognizer", RECOGNIZERS, ids=lambda r: r.name)
def test_near_misses_cost_no_more_than_a_fixed_price_a_character(recognizer: Recognizer) -> None:
    """5 kB of near misses, then 20 kB: a pattern that tries again from every place would take 16 times as long."""
    for piece in near_misses(recognizer):
        seconds = cpu(recognizer, (piece * 20_000)[:20_000])
        if seconds < 0.05:
            continue
        quarter = min(cpu(recognizer, (piece * 5_000)[:5_000]) for _ in range(3))
        least = min(cpu(recognizer, (piece * 20_000)[:20_000]) for _ in range(3))
        assert least < 10 * quarter + 0.02, f"{piece!r}: {least:.3f} s for 20,000 characters"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.sampled_from(sorted({*"aA1 .-@:/_\n='", "key=", "Dear ", "id ", "//", "ey"})),
        min_size=1,
        max_size=6,
    ).map("".join)
)
def test_any_repeated_piece_is_read_in_bounded_time(piece: str) -> None:
    """All recognisers together on 4 kB of the same few characters, whatever they are: far below a second."""
    text = (piece * 4_000)[:4_000]
    assert sum(cpu(r, text) for r in RECOGNIZERS) < 1.0, f"{piece!r}"


def cpu(recognizer: Recognizer, text: str) -> float:
    started = time.process_time()
    recognizer.find(text)
    return time.process_time() - started


def test_patterns_hold_no_unbounded_wildcard() -> None:
    for recognizer in RECOGNIZERS:
        outside_classes = re.sub(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", "x", recognizer.pattern.pattern)
        assert not re.search(r"\.[*+]", outside_classes), recognizer.name
