"""A deny-list finds its values in any writing, and its digests tell nobody what they are."""

import datetime as dt

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputError
from schemas.fields import SCRUB_DENY
from tasks.scrub.deny import DenyList, is_specific, make_rules, merge_rules, read_values, split_words
from tasks.scrub.deny_file import add_rules, clear_rules, read_rules
from tasks.storage.store import open_store

KEY = b"k" * 32
NOW = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)


def rules(*values: str, kind: str = "OTHER", scope: str = "", source: str = "deny_list") -> pl.DataFrame:
    return make_rules(KEY, [(v, kind, scope) for v in values], source=source, now=NOW)


def hits(text: str, *values: str) -> list[str]:
    return [text[s.start : s.end] for s in DenyList(KEY, rules(*values)).find(text)]


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        ("Oda Brunsvik", "ask oda   brunsvik, please", ["oda   brunsvik"]),
        ("Oda Brunsvik", "ask Oda-Brunsvik!", ["Oda-Brunsvik"]),
        ("Oda Brunsvik", "Ｏｄａ Ｂｒｕｎｓｖｉｋ", ["Ｏｄａ Ｂｒｕｎｓｖｉｋ"]),
        ("Oda Brunsvik", "Oda Bruns\u200bvik", ["Oda Bruns\u200bvik"]),
        ("oda.b@post.example", "to: ODA.B@post.example.", ["ODA.B@post.example"]),
        ("A-77-QX", "case A 77 qx and A-77-QXZ", ["A 77 qx"]),
        ("小明", "我叫王小明，小明", ["小明", "小明"]),
        ("Oda Brunsvik", "Odas Brunsvikstein", []),
        ("person", "<PERSON_1> is a person", ["person"]),
    ],
)
def test_finds_a_value_in_other_writings(value, text, found) -> None:
    assert hits(text, value) == found


def test_digests_hold_no_value_and_need_the_key() -> None:
    made = rules("Oda Brunsvik")
    assert made.schema == SCRUB_DENY.polars_schema()
    assert not any(w in str(made.to_dicts()).lower() for w in ("oda", "brunsvik"))
    assert DenyList(b"x" * 32, made).find("Oda Brunsvik") == []


def test_a_value_may_be_denied_in_one_conversation_only() -> None:
    deny = DenyList(KEY, rules("the blue house", scope="user1_task1_conversation1"))
    assert deny.find("in the blue house", "user1_task1_conversation1")
    assert not deny.find("in the blue house", "user2_task1_conversation1")
    assert not deny.find("in the blue house")


def test_version_follows_the_values_not_their_order() -> None:
    versions = {DenyList(KEY, rules(*v)).version for v in (("abc", "def"), ("def", "abc"))}
    assert len(versions) == 1
    assert DenyList(KEY, rules("abc")).version not in versions


@given(st.lists(st.text(alphabet="abcXYZ äß-1 ", min_size=1, max_size=12), min_size=1, max_size=4), st.text())
def test_every_value_is_found_inside_any_text(values, around) -> None:
    kept = [v for v in values if split_words(v)]
    for value in kept:
        text = f"{around} | {value} | {around}"
        spans = DenyList(KEY, rules(*kept)).find(text)
        assert all(0 <= s.start < s.end <= len(text) for s in spans)
        at = len(around) + 3
        words = "".join(split_words(text[at : at + len(value)]))
        assert any(s.start < at + len(value) and at < s.end for s in spans), words


def test_list_of_values(tmp_path) -> None:
    text = "# staff\n\nOda Brunsvik\n  Klavertje Vier \n"
    assert list(read_values(text, "staff.txt")) == ["Oda Brunsvik", "Klavertje Vier"]
    with pytest.raises(InputError, match=r"staff.txt, line 2: needs at least 3") as caught:
        list(read_values("Oda Brunsvik\nQ!\n", "staff.txt"))
    assert "Q!" not in str(caught.value)
    assert is_specific("小明")
    assert not is_specific("Q.")


def test_rules_on_a_store_are_added_once_and_a_redaction_outlives_the_list(tmp_path) -> None:
    private = open_store(str(tmp_path))
    assert read_rules(private).height == 0
    assert add_rules(private, rules("abc", "def")) == 2
    assert add_rules(private, rules("abc")) == 0
    assert add_rules(private, rules("leaked", source="redaction")) == 1
    assert clear_rules(private, "deny_list") == 2
    assert read_rules(private)["source"].to_list() == ["redaction"]
    assert merge_rules(rules("abc"), rules("abc", source="redaction"))["source"].to_list() == ["deny_list"]
