"""Carelessly cased texts are read a second time, with what may be a name capitalised."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.scrub.detect import Detector
from tasks.scrub.recase import recase
from tasks.scrub.words import is_english_word, is_nearly_english


@pytest.mark.parametrize(
    ("text", "view"),
    [
        ("my husband vandermolen likes tea", "my husband Vandermolen likes tea"),
        ("WE MET VANDERMOLEN AT THE MARKET", "we met Vandermolen at the market"),
        ("ask okonkwo-lindqvist or molenaar's mum", "ask Okonkwo-Lindqvist or Molenaar's mum"),
        ("btw thats definately the bestest smartphone tbh", None),
        ("My husband Vandermolen met vandermolen. Then he left for Leuven.", None),
        ("open src/vandermolen.py and vandermolen@example.org", None),
        ("ok", None),
        ("", None),
    ],
)
def test_only_unknown_words_of_careless_texts_change(text: str, view: str | None) -> None:
    assert recase(text) == view


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_the_view_has_the_same_letters_in_the_same_places(text: str) -> None:
    view = recase(text)
    assert view is None or (len(view) == len(text) and view.casefold() == text.casefold())


@pytest.mark.parametrize(
    "word", ["simpler", "strenght", "dfferent", "verygood", "unfollowed", "realy", "untill"]
)
def test_what_is_nearly_english_is_no_name(word: str) -> None:
    assert is_english_word(word) or is_nearly_english(word)


@pytest.mark.parametrize("word", ["vandermolen", "okonkwo", "oyelaran", "thandiwe"])
def test_foreign_names_are_not_nearly_english(word: str) -> None:
    assert not is_english_word(word)
    assert not is_nearly_english(word)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("can u write a card for my husband burak, he likes tea", ["burak"]),
        ("i met thandiwe mokoena at the clinic yesterday", ["thandiwe mokoena"]),
        ("THE FORM WAS SIGNED BY THANDIWE MOKOENA LAST WEEK", ["THANDIWE MOKOENA"]),
        ("tell dr okonkwo i will be late", ["okonkwo"]),
        ("which of these phones has the better screen and is it cheaper", []),
        ("give me five ideas for a healthy lunch w/ chicken pls", []),
    ],
)
def test_names_in_careless_text(detector: Detector, text: str, masked: list[str]) -> None:
    [spans] = detector.detect([text])
    found = {text[s.start : s.end] for s in spans if s.type == "PERSON" and s.score >= 0.5}
    assert found == set(masked)


def test_two_people_of_one_entity_are_two(detector: Detector) -> None:
    text = "Yesterday Petra Lindqvist and Marta Kowalczyk came."
    [spans] = detector.detect([text])
    found = {text[s.start : s.end] for s in spans if s.type == "PERSON"}
    assert {"Petra Lindqvist", "Marta Kowalczyk"} <= found
    assert not any(" and " in name for name in found)
