"""Generated exports are schema-true, repeatable, and their truth is exact."""

import gzip
import io
import json
import statistics
from collections import Counter

import polars as pl
import pytest
import zstandard

from schemas.errors import UsageError
from tasks.synth.export import generate, write_export, write_small_export
from tasks.synth.plan import CONVERSATION_SHARES, PAIR_SHARES, REACTION_SHARES, REASON_SHARES

DIALECTS = ("published", "flat-study", "session")


def conversation_of(record, conversation_id):
    """Return the record that holds the messages and the one that holds the survey."""
    if "tasks" not in record:
        return record, (record["survey_answers"] or [None])[0]
    _, task_no, conversation_no = conversation_id.split("/")
    task = next(t for t in record["tasks"] if f"task{t['task_no']}" == task_no)
    conversation = next(
        c for c in task["conversations"] if f"conversation{c['conversation_no']}" == conversation_no
    )
    return {**task, **conversation}, record["survey"]


def field_text(record, span):
    conversation, survey = conversation_of(record, span["conversation_id"])
    field = span["field"]
    if field in {"content", "reason", "reaction"}:
        message = conversation["messages"][span["position"]]
        if field == "content":
            return message.get("content", message.get("text"))
        return message[f"{field}s"][span["ordinal"]]["content"]
    value = conversation[field] if field.startswith("task") else survey[field]
    return value[0] if isinstance(value, list) else value


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_span_is_where_the_truth_says(dialect):
    export = generate(400, 5, dialect, short=True, pii_share=0.4, oddity_share=0.02)
    records = [json.loads(line) for line in export.lines()]
    spans = export.truth().spans
    assert spans.height > 800
    assert spans["type"].n_unique() == 18
    for span in spans.iter_rows(named=True):
        text = field_text(records[span["line"] - 1], span)
        assert text[span["start"] : span["end"]] == span["text"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_lines_are_spaced_as_json_dumps_does(dialect):
    for line in generate(60, 2, dialect, oddity_share=0.05).lines():
        assert json.dumps(json.loads(line), ensure_ascii=False).encode() == line


@pytest.mark.parametrize("dialect", DIALECTS)
def test_same_seed_same_bytes_and_another_seed_other_bytes(dialect):
    first = generate(50, 9, dialect, short=True, bad_share=0.1)
    assert first.to_bytes() == generate(50, 9, dialect, short=True, bad_share=0.1).to_bytes()
    assert first.to_bytes() != generate(50, 10, dialect, short=True, bad_share=0.1).to_bytes()


def test_a_longer_export_begins_with_the_shorter_one():
    short = list(generate(70, 4, short=True).lines())
    long = list(generate(300, 4, short=True).lines())
    assert len(short) == 70
    assert len(long) == 300
    assert long[:70] == short


def test_bad_lines_leave_the_text_of_the_others_alone():
    clean = list(generate(300, 4, short=True).lines())
    export = generate(300, 4, short=True, bad_share=0.05)
    dirty = list(export.lines())
    bad = set(export.truth().bad["line"])
    copies = export.truth().bad.filter(pl.col("kind") == "exact_copy").height
    assert len(dirty) == len(clean) + copies
    assert [line for n, line in enumerate(dirty, 1) if n not in bad] == [
        line for line in clean if line in set(dirty)
    ]


def test_truth_of_a_damaged_export_names_only_what_is_left():
    export = generate(1500, 8, short=True, bad_share=0.08, pii_share=0.3)
    truth = export.truth()
    records = list(export.lines())
    quarantined = set(truth.bad.filter(pl.col("expected") == "quarantine")["line"])
    assert truth.bad["kind"].n_unique() == 34
    assert quarantined.isdisjoint(truth.spans["line"])
    assert quarantined.isdisjoint(truth.conversations["line"])
    for span in truth.spans.iter_rows(named=True):
        text = field_text(json.loads(records[span["line"] - 1]), span)
        assert text[span["start"] : span["end"]] == span["text"]


def test_counts_lengths_and_shares_are_those_of_the_dataset():
    export = generate(2155, 1, oddity_share=0)
    records = [json.loads(line) for line in export.lines()]
    truth = export.truth()
    by_role = {"user": [], "assistant": []}
    for record in records:
        assert [m["type"] for m in record["messages"][::2]] == ["user"] * (len(record["messages"]) // 2)
        assert record["messages"][-1]["type"] == "assistant"
        for message in record["messages"]:
            by_role[message["type"]].append(len(message["content"]))
    assert 60 <= statistics.median(by_role["user"]) <= 92
    assert 1900 <= statistics.median(by_role["assistant"]) <= 2700
    assert max(by_role["assistant"]) > 15_000
    assert statistics.median(len(r["messages"]) for r in records) == 8
    assert abs(len({r["id"].split("_")[0] for r in records}) - 1058) < 80
    assert abs(sum(map(len, by_role.values())) - 17_058) < 900
    assert len({r["model_name"] for r in records}) == 20
    labels = truth.labels
    for facet, shares in (("reason", REASON_SHARES), ("reaction", REACTION_SHARES)):
        counts = Counter(labels.filter(pl.col("facet") == facet)["value"])
        for share, (label, _) in zip(shares, Counter(counts).most_common(), strict=False):
            assert abs(counts[label] / counts.total() - share) < 0.03
    first_thoughts = labels.filter((pl.col("facet") == "reason") & (pl.col("position") == 0))
    assert (first_thoughts["value"] == "task_motivation").mean() > 0.45
    assert truth.conversations["language"].n_unique() == 9


def test_shares_are_shares():
    assert REASON_SHARES.sum() == pytest.approx(1)
    assert REACTION_SHARES.sum() == pytest.approx(1)
    assert CONVERSATION_SHARES.sum() == pytest.approx(1)
    assert PAIR_SHARES.min() >= 0


def test_no_thought_precedes_its_message_and_times_run_forward():
    for line in generate(200, 6, short=True).lines():
        messages = json.loads(line)["messages"]
        times = [m["timestamp"] for m in messages]
        assert times == sorted(times)
        for message in messages:
            for thought in message.get("reasons", message.get("reactions")):
                assert thought["timestamp"] > message["timestamp"]


def test_compression_follows_the_suffix_and_is_repeatable(tmp_path):
    export = generate(30, 3, short=True)
    plain = export.to_bytes()
    for name in ("a.jsonl", "a.jsonl.gz", "a.jsonl.zst"):
        written = write_export(export, tmp_path / name, tmp_path / "truth.jsonl")
        first = (tmp_path / name).read_bytes()
        write_export(export, tmp_path / name)
        assert (tmp_path / name).read_bytes() == first
        assert written.n_bytes == len(plain)
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()) == plain
    with zstandard.ZstdDecompressor().stream_reader(io.BytesIO((tmp_path / "a.jsonl.zst").read_bytes())) as r:
        assert r.read() == plain
    kinds = Counter(json.loads(line)["truth"] for line in (tmp_path / "truth.jsonl").read_text().splitlines())
    assert kinds["conversation"] == 30
    assert set(kinds) >= {"conversation", "label", "span"}


def test_small_export_for_tests(tmp_path):
    path, truth = write_small_export(tmp_path)
    assert truth.conversations.height == 20
    assert len(path.read_bytes().splitlines()) == 20


def test_nonsense_is_refused(tmp_path):
    with pytest.raises(UsageError, match="negative"):
        generate(-1, 1)
    with pytest.raises(UsageError, match="pii_share"):
        generate(1, 1, pii_share=2.0)
    with pytest.raises(UsageError, match="no such folder"):
        write_export(generate(1, 1), tmp_path / "missing" / "a.jsonl")
    assert generate(0, 1).to_bytes() == b""
