"""Laws of redaction that hold for any text: offsets, byte-equality outside spans, idempotence, bad input."""

import itertools
import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.errors import InputError
from tasks.scrub.conversation import Turn, decide_conversation
from tasks.scrub.detect import Detector
from tasks.scrub.jsonl import scrub_file
from tasks.scrub.normalise import make_view
from tasks.scrub.policy import Thresholds
from tasks.scrub.recognizers import RECOGNIZERS
from tasks.scrub.redact import redact_text
from tasks.scrub.spans import SPAN_TYPES, Span, merge_overlapping, outside

THRESHOLDS = Thresholds(0.5, 0.3)
PIECES = [
    *(e.replace("«", "").replace("»", "") for r in RECOGNIZERS for e in r.must),
    "Ines Vandermolen", "petra lindqvist", "my sister Ines", "Dear Petra,\n", "\n\n", "  ", " and ", ", ", "🙂", "👩‍👩‍👧", "שלום", "مرحبا", "e\u0301", "ﬁ", "Ｉｎｅｓ",
    "in\u200bes@example.org", "раypal", "<PERSON_1>", "<EMAIL_12>", "<PERSON>", "```", "{", '"', "\u202e", "\x00", "\ud800", "½", "…", "\u2028", "我叫王小明", "the", "I am", "said",
]  # fmt: skip
TEXTS = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), min_size=0, max_size=10).map(
    "".join
)


def scrub_all(detector: Detector, texts: list[str]) -> list[tuple[str, list[Span], list[str]]]:
    turns = [Turn(str(i), text, is_assistant=i % 3 == 2) for i, text in enumerate(texts)]
    decisions = decide_conversation(turns, detector.detect(texts), detector.detect, THRESHOLDS)
    return [(d.redacted, d.masks, d.labels) for d in decisions]


@settings(max_examples=120, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_text_outside_spans_is_equal_and_offsets_round_trip(detector: Detector, texts: list[str]) -> None:
    for text, (redacted, masks, labels) in zip(texts, scrub_all(detector, texts), strict=True):
        assert all(0 <= s.start < s.end <= len(text) and s.type in SPAN_TYPES for s in masks)
        assert all(a.end <= b.start for a, b in itertools.pairwise(masks))
        kept = []
        position = 0
        for span in masks:
            kept.append(text[position : span.start])
            position = span.end
        kept.append(text[position:])
        rebuilt = redacted
        for label, part in zip([*labels, ""], kept, strict=True):
            assert rebuilt.startswith(part + label)
            rebuilt = rebuilt[len(part) + len(label) :]
        assert rebuilt == ""


@settings(max_examples=120, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_redacting_twice_changes_nothing_for_any_text(detector: Detector, texts: list[str]) -> None:
    once = [redacted for redacted, _, _ in scrub_all(detector, texts)]
    assert [redacted for redacted, _, _ in scrub_all(detector, once)] == once


@settings(max_examples=200, deadline=None)
@given(TEXTS)
@example("\u202e")
def test_view_maps_back_inside_the_text(text: str) -> None:
    view = make_view(text)
    previous = 0
    for i in range(len(view.text)):
        start, end = view.to_original(i, i + 1)
        assert 0 <= start < end <= len(text)
        assert start >= previous
        previous = start
    if view.text and not view.starts:
        assert view.text == text


def test_view_undoes_disguises_and_maps_back_exactly() -> None:
    for original, plain in (
        ("x Ｉｎｅｓ y", "Ines"),
        ("x in\u200be\u00ads y", "ines"),
        ("x Ine\u0301s y", "Inés"),
        ("x pаypal y", "paypal"),
        ("x ﬁne y", "fine"),
        ("x ٠١٢٣ y", "0123"),
    ):
        view = make_view(original)
        start = view.text.index(plain)
        assert view.to_original(start, start + len(plain)) == (2, len(original) - 2), original


spans = st.builds(
    lambda a, n, t, s: Span(a, a + n, t, s, "r"),
    st.integers(0, 40),
    st.integers(1, 12),
    st.sampled_from(SPAN_TYPES),
    st.sampled_from([0.35, 0.5, 0.7, 1.0]),
)


@given(st.lists(spans, max_size=12))
def test_merging_covers_the_union_without_overlap(some: list[Span]) -> None:
    merged = merge_overlapping(some)
    assert {i for s in some for i in range(s.start, s.end)} == {
        i for s in merged for i in range(s.start, s.end)
    }
    assert all(a.end <= b.start for a, b in itertools.pairwise(merged))
    assert merge_overlapping(merged) == merged
    assert outside(some, merged) == []


def long_message(n_lines: int) -> str:
    filler = "nothing to see here, only words that go on and on without any end in sight\n" * (n_lines // 2)
    return f"{filler}Write to ines.vdm@example.org, Ines Vandermolen.\n{filler}"


def check_long_message(detector: Detector, n_lines: int) -> None:
    """A long message is cut for the name model only; patterns see it whole."""
    text = long_message(n_lines)
    [(redacted, masks, _)] = scrub_all(detector, [text])
    assert [text[s.start : s.end] for s in masks] == ["ines.vdm@example.org", "Ines Vandermolen"]
    assert redacted == text.replace("ines.vdm@example.org", "<EMAIL_1>").replace(
        "Ines Vandermolen", "<PERSON_1>"
    )


def check_many_spans(detector: Detector, n: int) -> None:
    text = " ".join(f"u{i}@example.org" for i in range(n))
    [(redacted, masks, _)] = scrub_all(detector, [text])
    assert len(masks) == n
    assert redacted == " ".join(f"<EMAIL_{i + 1}>" for i in range(n))


def test_a_long_message(detector: Detector) -> None:
    check_long_message(detector, 2_000)


def test_many_spans(detector: Detector) -> None:
    """Ten times the spans may take about ten times as long; quadratic would take a hundred times."""
    check_many_spans(detector, 500)
    started = time.process_time()
    check_many_spans(detector, 500)
    small = time.process_time() - started
    started = time.process_time()
    check_many_spans(detector, 5_000)
    assert time.process_time() - started < 40 * small


LONG = pytest.mark.skipif(
    not os.environ.get("FAULT_LONG_TEXTS"), reason="minutes long: `make faults` runs it"
)


@LONG
@pytest.mark.faults
@pytest.mark.timeout(600)
def test_ten_megabytes_in_one_message(detector: Detector) -> None:
    check_long_message(detector, 135_000)


@LONG
@pytest.mark.faults
@pytest.mark.timeout(600)
def test_a_hundred_thousand_spans(detector: Detector) -> None:
    check_many_spans(detector, 100_000)


SCRIPTS = ["👩‍👩‍👧🏽", "مرحبا ", "שלום ", "\u202eabc\u202c", "e\u0301\u0323", "नमस्ते ", "ก็ ", "한글", "𝕴𝖓𝖊𝖘", "ﷺ", "ǅ", "İ", "ß", "ﬃ", "\u0000", "🇧🇪", "Z͑ͫ̓ͪ̂ͫ̽a̴̙l̻", "１２３"]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(SCRIPTS), min_size=1, max_size=4), st.lists(st.sampled_from(SCRIPTS), max_size=4)
)
@example(["ก็ ", "नमस्ते ", "ǅ"], ["नमस्ते "])
def test_offsets_are_exact_between_any_scripts(
    detector: Detector, before: list[str], after: list[str]
) -> None:
    """Whatever stands around it, a mail address is masked at the code points where it stands.

    The model may take a word beside the address for a part of a name that goes on in it; then both are one mask.
    """
    secret = "ines.vdm@example.org"
    text = f"{''.join(before)} {secret} {''.join(after)}"
    [(redacted, masks, _)] = scrub_all(detector, [text])
    [masked] = [found for s in masks if secret in (found := text[s.start : s.end])]
    assert secret in masked.split()
    assert masked == masked.strip()
    assert secret not in redacted


def test_redact_replaces_exactly() -> None:
    text = "a Ines b"
    assert redact_text(text, [Span(2, 6, "PERSON", 1.0, "r")], ["<PERSON_1>"]) == "a <PERSON_1> b"


def run_file(tmp_path: Path, detector: Detector, lines: list[str]) -> list[dict]:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogatepass")
    with target.open("w", encoding="utf-8") as sink:
        scrub_file(source, sink, detector=detector)
    return [json.loads(line) for line in target.read_text("utf-8").splitlines()]


def test_file_keeps_order_when_conversations_interleave(tmp_path: Path, detector: Detector) -> None:
    lines = [
        {
            "id": "1",
            "text": "I am Ines Quillfeather from the sales team",
            "conversation_id": "a",
            "role": "user",
        },
        {"id": "2", "text": "a quillfeather has nothing to do with me", "conversation_id": "b"},
        {"id": 3, "text": "no conversation, quillfeather"},
        {"id": "4", "text": "so quillfeather it is", "conversation_id": "a", "role": "assistant"},
        {"id": "5", "text": "end", "conversation_id": "b"},
    ]
    out = run_file(tmp_path, detector, [json.dumps(line) for line in lines])
    assert [o["id"] for o in out] == ["1", "2", 3, "4", "5"]
    assert out[0]["redacted"].startswith("I am <PERSON_1>")
    assert out[3]["redacted"] == "so <PERSON_1> it is"
    assert out[1]["redacted"] == lines[1]["text"]
    for line, result in zip(lines, out, strict=True):
        assert set(result) == {"id", "redacted", "spans"}
        for span in result["spans"]:
            assert set(span) == {"start", "end", "type", "score", "recognizer"}
            assert line["text"][span["start"] : span["end"]].strip()


def test_lone_surrogates_pass_through(tmp_path: Path, detector: Detector) -> None:
    out = run_file(tmp_path, detector, ['{"id": "1", "text": "bad \\ud800 pair, write to ines@example.org"}'])
    assert out[0]["redacted"] == "bad \ud800 pair, write to <EMAIL_1>"


@pytest.mark.parametrize("line", ["{", "[]", '{"id": 1}', '{"id": 1, "text": 5}', "\x00"])
def test_bad_line_is_named_without_its_text(tmp_path: Path, detector: Detector, line: str) -> None:
    with pytest.raises(InputError, match=r"in\.jsonl, line 2"):
        run_file(tmp_path, detector, ['{"id": 1, "text": "fine"}', line])


def test_failing_recogniser_fails_loudly(detector: Detector, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object, **__: object) -> None:
        raise RuntimeError("recogniser broke")

    monkeypatch.setattr(detector._gate, "find", explode)
    with pytest.raises(RuntimeError):
        scrub_all(detector, ["anything at all"])
