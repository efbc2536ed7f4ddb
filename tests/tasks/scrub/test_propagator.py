"""Names of a conversation are found wherever the whole search would find them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.scrub.propagate import Propagator, collect_names

NAMES = [
    "Anna Maria",
    "İlker Işık",
    "ilker",
    "Ismail Kaya",
    "Strauß",
    "STRASSE Mann",
    "Kelvın Ösi",
    "Mark",
    "İlk Ana",
    "Xi\u0307y Abc",
]
LETTERS = "annaİıiIKkſsSßẞéÉMmoO’-'\u0307"
PIECES = st.sampled_from(NAMES) | st.text(LETTERS, max_size=8)
OTHER_CASES = {"i": "iıİI", "s": "sſS", "k": "kK\u212a"}


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Names and what looks like them, in any case."""
    text = draw(st.sampled_from([" ", "  ", "\n", ", "])).join(draw(st.lists(PIECES, max_size=6)))
    cases = [OTHER_CASES.get(c.lower(), c + c.upper() + c.lower()) for c in text]
    return "".join(draw(st.sampled_from(case)) if case else "" for case in cases)


@given(
    st.lists(st.sampled_from(NAMES), max_size=3),
    texts() | texts().map(lambda t: t.encode("ascii", "ignore").decode()),
)
@settings(max_examples=600, deadline=None)
def test_the_quick_ways_find_what_the_search_finds(names: list[str], text: str) -> None:
    known = collect_names(names)
    quick, searching = Propagator(known), Propagator(known)
    if known.full or known.tokens:
        # a look that sees a name everywhere, and a search of every text
        searching._first_words = {""}
        searching._find_plain = lambda folded: searching._search(text)
    assert quick.find(text) == searching.find(text)
