"""The second scan finds what the first must have removed, and shares no code with it."""

import ast
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.scrub import audit_scan, canary_forms
from tasks.scrub.audit_scan import count_hits, count_known_ids, scan_lines, scan_text, scan_texts

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("write to ines.vdm@example.org.", "email"),
        ('{"mail":"ines@example.co.uk"}', "email"),
        ("card 4539 1488 0343 6467!", "payment_card"),
        ("371449635398431", "payment_card"),
        ("DE89370400440532013000", "iban"),
        ("512-48-2291", "us_ssn"),
        ("ghp_a1B2c3D4e5F6a1B2c3D4e5F6a1B2c3D4e5F6", "credential"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJpbmVzIn0.c2ln", "credential"),
        ("-----BEGIN RSA PRIVATE KEY-----", "credential"),
        ("5f3a9c0b7d21e4680a1b2c3d", "recruitment_id"),
        ("call +32 470 12 34 56", "phone"),
        ("from 81.23.45.67 again", "public_ip"),
    ],
)
def test_finds(text: str, kind: str) -> None:
    assert scan_text(text) == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "<EMAIL_1> and <CREDIT_CARD_2>, call <PHONE_1>",
        "@user mentioned 4539 1488 0343 6468",
        "version 10.0.3.4 on 127.0.0.1",
        "getElementById eyebrow eyes.open",
        "2019-03-12 12:30, 1,000,000 people, 50-60-70",
        "user804_task2_conversation1",
        "",
    ],
)
def test_leaves(text: str) -> None:
    assert scan_text(text) == []


def test_tables_and_files_are_counted_without_text() -> None:
    frame = pl.DataFrame(
        {
            "message_id": ["5f3a9c0b7d21e4680a1b2c3d"],
            "content": ["mail ines@example.org"],
            "purposes": [["work", "petra@example.org"]],
            "n": [1],
        }
    )
    report = scan_texts(frame)
    assert report["critical"]["email"] == 2
    assert report["by_column"] == {"content": {"email": 1}, "purposes": {"email": 1}}
    assert "ines" not in str(report)
    assert scan_lines("report.html", ["<p>ines@example.org</p>", "ok"])["critical"]["email"] == 1


@pytest.mark.parametrize("module", [audit_scan, canary_forms])
def test_shares_nothing_with_the_recognisers(module: object) -> None:
    tree = ast.parse(Path(module.__file__).read_text())  # type: ignore[attr-defined]
    imported = {
        name
        for node in ast.walk(tree)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [a.name for a in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    assert not [name for name in imported if name.startswith("tasks")]


def test_known_ids_are_counted_as_words_of_their_own() -> None:
    ids = {"5F0c1e2d3b4a596877000001", "conv_study_k3v9x2m01_1775956268518"}
    texts = [
        "I am 5f0c1e2d3b4a596877000001.",
        "see conv_study_k3v9x2m01_1775956268518/x",
        "5F0c1e2d3b4a5968770000010",
    ]
    assert count_known_ids(texts, ids) == 2
    assert count_known_ids(texts, set()) == 0


def test_a_run_of_digits_bears_single_spaces_and_hyphens_only() -> None:
    assert scan_text("078-05-1120  078-05-1120- 078-05-1120") == ["us_ssn"] * 3
    assert scan_text("078--05-1120") == scan_text("078-05 -1120") == []


def test_every_place_of_a_word_counts() -> None:
    word = "name@example.org"
    assert scan_text(f"{word}, ({word}) {word}") == ["email"] * 3
    # longer than what is remembered
    assert scan_text(f"{'n' * 60}@example.org {'n' * 60}@example.org") == ["email"] * 2


def test_digits_inside_a_digest_are_no_card() -> None:
    card = "4539578763621486"
    digest = "ab" * 12 + card + "c0" * 12
    assert len(digest) == 64
    assert scan_text(f'"sha256": "{digest}"') == []
    assert scan_text(f"card {card}, thanks") == ["payment_card"]
    assert scan_text(f"{digest} {card}") == ["payment_card"]


PIECES = [
    "name@example.org", "4539578763621486", "4539 5787 6362 1486", "078-05-1120", "ab" * 12, "c0" * 14, "g", "12", "7", "-", " ",
    "\n", "\u2028", "é", "+32 470 12 34 56", "-----BEGIN RSA PRIVATE KEY-----", "DE89370400440532013000", "81.23.45.67", "x",
]  # fmt: skip


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=9).map("".join), max_size=6))
def test_texts_together_have_the_hits_of_each(texts: list[str]) -> None:
    assert count_hits(texts) == sum((Counter(scan_text(text)) for text in texts), Counter())
