"""Every number on the 20 real conversations against a count in plain Python over the JSONL."""

from __future__ import annotations

import random
import statistics
from collections import Counter, defaultdict
from fractions import Fraction
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import pytest
from stats_corpus import as_table, label_row

from schemas.config import StatsSettings
from tasks.stats.compute import compute_stats

RELATIONS = ["extend_or_deepen", "re_attempt", "another_one"]
STAGES = ["early", "mid_early", "mid_late", "late"]


def relation_of(turn: int, content: str) -> str:
    return "first_request" if turn == 0 else RELATIONS[len(content) % 3]


def topics_of(record) -> set[str]:
    return {["gardening", "cooking", "writing"][len(record["messages"]) % 3], "home"}


def users(record):
    return [m for m in record["messages"] if m["type"] == "user"]


def thoughts_of(record, key):
    """Pairs of index among the messages of the role, number of those messages, and the thought."""
    role = "user" if key == "reasons" else "assistant"
    messages = [m for m in record["messages"] if m["type"] == role]
    return [(i, len(messages), t) for i, m in enumerate(messages) for t in m.get(key) or []]


def stage_of(i: int, n: int) -> str:
    return STAGES[int(Fraction(3 * i, n - 1) + Fraction(1, 2))]


@pytest.fixture(scope="module")
def document(real_records, real_tables, taxonomies):
    extra = []
    for record in real_records:
        extra += [label_row(record["id"], "topic", t) for t in sorted(topics_of(record))]
        extra += [
            label_row(f"{record['id']}_{2 * turn}", "relationship", relation_of(turn, m["content"]))
            for turn, m in enumerate(users(record))
        ]
    labels = real_tables["labels"].vstack(as_table("labels", extra))
    return compute_stats(
        {**real_tables, "labels": labels},
        taxonomies={k: v for k, v in taxonomies.items() if k in {"topic", "relationship"}},
        settings=StatsSettings(),
        min_cell=10,
        policy="as-published",
    ).document


def test_counts(document, real_records) -> None:
    messages = [m for r in real_records for m in r["messages"]]
    reasons = sum(len(m.get("reasons") or []) for m in messages)
    reactions = sum(len(m.get("reactions") or []) for m in messages)
    counts = document["counts"]
    assert counts["conversations"] == len(real_records) == 20
    assert counts["participants"] == len({r["id"].split("_")[0] for r in real_records})
    assert counts["messages"] == len(messages)
    assert counts["user_messages"] == sum(m["type"] == "user" for m in messages)
    assert counts["assistant_messages"] == sum(m["type"] == "assistant" for m in messages)
    assert (counts["reasons"], counts["reactions"]) == (reasons, reactions)
    assert counts["thoughts"] == reasons + reactions
    assert counts["models"] == len({r["model_name"] for r in real_records})


def test_per_model(document, real_records) -> None:
    for row in document["models"]:
        mine = [r for r in real_records if r["model_name"] == row["model_name"]]
        assert row["n_conversations"] == len(mine)
        assert row["n_participants"] == len({r["id"].split("_")[0] for r in mine})
        assert row["n_messages"] == sum(len(r["messages"]) for r in mine)
        assert row["n_user_messages"] == sum(len(users(r)) for r in mine)
        assert row["n_reasons"] == sum(len(thoughts_of(r, "reasons")) for r in mine)
        assert row["n_reactions"] == sum(len(thoughts_of(r, "reactions")) for r in mine)
        assert row["median_messages"] == statistics.median(len(r["messages"]) for r in mine)
        assert row["model_provider"] == mine[0]["model_provider"]
    assert sum(row["n_conversations"] for row in document["models"]) == 20


def test_messages_per_conversation(document, real_records) -> None:
    lengths = [len(r["messages"]) for r in real_records]
    found = document["conversation_length"]
    quartiles = statistics.quantiles(lengths, n=4, method="inclusive")
    assert [found["spread"][k] for k in ("q1", "median", "q3")] == pytest.approx(quartiles)
    assert found["spread"]["mean"] == pytest.approx(statistics.fmean(lengths))
    assert (found["spread"]["min"], found["spread"]["max"]) == (min(lengths), max(lengths))
    histogram = {b["n_messages"]: b["n"] for b in found["histogram"]}
    assert histogram == Counter(min(n, 30) for n in lengths)
    assert found["median_low"] <= found["spread"]["median"] <= found["median_high"]
    published = {p["corpus"]: p["median_messages"] for p in found["published"]}
    assert published["WildChat"] == published["LMSYS-Chat-1M"] == 2


@pytest.mark.parametrize("key", ["reasons", "reactions"])
def test_label_shares(document, real_records, key) -> None:
    labels = Counter(t["label"] for r in real_records for _, _, t in thoughts_of(r, key))
    total = labels.total()
    assert document[key]["n_labelled"] == document[key]["n_thoughts"] == total
    found = {row["value"]: row for row in document[key]["labels"] if row["n"]}
    assert {value: row["n"] for value, row in found.items()} == labels
    for value, n in labels.items():
        assert found[value]["share"] == pytest.approx(n / total, abs=1e-6)
        assert found[value]["low"] <= n / total + 1e-6
        assert found[value]["high"] >= n / total - 1e-6


def groups(document, key, table):
    return {(row["group"], row["value"]): (row["n"], row["base"]) for row in document[key][table] if row["n"]}


def expected_groups(pairs):
    cells, bases = Counter(pairs), Counter(group for group, _ in pairs)
    return {cell: (n, bases[cell[0]]) for cell, n in cells.items()}


@pytest.mark.parametrize("key", ["reasons", "reactions"])
def test_labels_by_stage_domain_and_length(document, real_records, key) -> None:
    rows = [(r, i, n, t["label"]) for r in real_records for i, n, t in thoughts_of(r, key)]
    by_stage = [(stage_of(i, n), label) for _, i, n, label in rows if n >= 2]
    assert groups(document, key, "by_stage") == expected_groups(by_stage)
    domain = {"gardening": "home", "cooking": "home", "writing": "work", "home": "home"}
    by_domain = [(d, label) for r, _, _, label in rows for d in {domain[t] for t in topics_of(r)}]
    assert groups(document, key, "by_domain") == expected_groups(by_domain)

    def length_class(n):
        return "2-4" if n <= 4 else "6-8" if n <= 8 else "10-14" if n <= 14 else "16+"

    by_length = [(length_class(len(r["messages"])), label) for r, _, _, label in rows]
    assert groups(document, key, "by_length") == expected_groups(by_length)
    for table in ("by_stage", "by_domain", "by_length"):
        for row in document[key][table]:
            assert row["share"] == pytest.approx(row["n"] / row["base"], abs=1e-6)


@pytest.mark.parametrize("key", ["reasons", "reactions"])
def test_stage_flow(document, real_records, key) -> None:
    flows = Counter()
    for record in real_records:
        rows = [(i, n, t["label"]) for i, n, t in thoughts_of(record, key) if n >= 4]
        at = {}
        for k in range(4):
            near = [
                (abs(Fraction(i, n - 1) - Fraction(k, 3)), i, order, label)
                for order, (i, n, label) in enumerate(rows)
                if abs(Fraction(i, n - 1) - Fraction(k, 3)) <= Fraction(1, 6)
            ]
            if near:
                at[k] = min(near)[3]
        flows.update(
            (f"{STAGES[k]}>{STAGES[k + 1]}", at[k], at[k + 1]) for k in range(3) if k in at and k + 1 in at
        )
    found = {(f["step"], f["from_value"], f["to_value"]): f["n"] for f in document[key]["stage_flow"]}
    assert found == flows
    starts = Counter()
    for (step, start, _), n in flows.items():
        starts[step, start] += n
    for f in document[key]["stage_flow"]:
        assert f["share"] == pytest.approx(f["n"] / starts[f["step"], f["from_value"]], abs=1e-6)


def test_topics(document, real_records) -> None:
    parents = {"gardening": "home", "cooking": "home", "writing": "work"}
    domains = Counter(d for r in real_records for d in {parents.get(t, t) for t in topics_of(r)})
    subtopics = Counter(t for r in real_records for t in topics_of(r) if t in parents)
    for name, expected in (("domains", domains), ("subtopics", subtopics)):
        found = {row["value"]: row for row in document["topics"][name] if row["n"]}
        assert {value: row["n"] for value, row in found.items()} == expected
        for value, n in expected.items():
            assert found[value]["share"] == pytest.approx(n / expected.total(), abs=1e-6)
            assert found[value]["n_conversations"] == n
            assert found[value]["share_of_conversations"] == pytest.approx(n / 20, abs=1e-6)
    assert document["topics"]["n_domain_assignments"] == domains.total()
    assert document["topics"]["n_labelled"] == 20


def test_relationships(document, real_records) -> None:
    chains = [[relation_of(i, m["content"]) for i, m in enumerate(users(r))] for r in real_records]
    flat = Counter(label for chain in chains for label in chain)
    later = Counter({k: v for k, v in flat.items() if k != "first_request"})
    found = document["relationships"]
    for name, expected in (("with_first", flat), ("without_first", later)):
        shown = {row["value"]: row for row in found[name] if row["n"]}
        assert {value: row["n"] for value, row in shown.items()} == expected
        for value, n in expected.items():
            assert shown[value]["share"] == pytest.approx(n / expected.total(), abs=1e-6)
    assert "first_request" not in {row["value"] for row in found["without_first"]}
    pairs = Counter(p for chain in chains for p in pairwise([*chain, "(end)"]))
    assert {(f["from_value"], f["to_value"]): f["n"] for f in found["transitions"]} == pairs
    turns = Counter(
        (str(i) if i < 9 else "9+", label) for chain in chains for i, label in enumerate(chain, 1)
    )
    assert {(r["group"], r["value"]): r["n"] for r in found["by_turn"] if r["n"]} == turns
    steps = Counter(
        (f"{i}>{i + 1}", a, b)
        for chain in chains
        for i, (a, b) in enumerate(pairwise([*chain, "(end)"]), 1)
        if i < 4
    )
    assert {(f["step"], f["from_value"], f["to_value"]): f["n"] for f in found["turn_flow"]} == steps


def test_thoughts_per_message(document, real_records) -> None:
    for row in document["thoughts_per_message"]:
        key, role = {"reason": ("reasons", "user"), "reaction": ("reactions", "assistant")}[row["kind"]]
        numbers = [len(m.get(key) or []) for r in real_records for m in r["messages"] if m["type"] == role]
        assert row["n_messages"] == len(numbers)
        assert row["n_with"] == sum(n > 0 for n in numbers)
        assert row["share_with"] == pytest.approx(row["n_with"] / len(numbers), abs=1e-6)
        assert row["mean"] == pytest.approx(statistics.fmean(numbers), abs=1e-6)
        assert row["per_message"] == [sum(min(n, 3) == k for n in numbers) for k in range(4)]


def test_demographics(document, real_records) -> None:
    people = defaultdict(dict)
    for record in real_records:
        survey = (record["survey_answers"] or [{}])[0]
        person = people[record["id"].split("_")[0]]
        for key, value in survey.items():
            person[key] = person.get(key) or value
    keys = {
        "age_band": "age", "gender": "gender", "education": "education", "ai_use_frequency": "frequency",
        "occupation_group": "occupation", "purposes": "purposes",
    }  # fmt: skip
    assert document["demographics"]["n_participants"] == len(people)
    for attribute, key in keys.items():
        expected = Counter(person.get(key) or "(missing)" for person in people.values())
        cells = [c for c in document["demographics"]["cells"] if c["attribute"] == attribute]
        assert {c["value"]: c["n"] for c in cells} == expected
        for cell in cells:
            assert cell["share"] == pytest.approx(cell["n"] / len(people), abs=1e-6)


def test_completeness(document, real_records) -> None:
    people = {r["id"].split("_")[0] for r in real_records}
    answered = {r["id"].split("_")[0] for r in real_records if (r["survey_answers"] or [{}])[0].get("age")}
    rows = {(row["table"], row["column"]): row for row in document["completeness"]}
    assert rows["participants", "age_band"]["n_null"] == len(people - answered)
    assert rows["participants", "age_band"]["n_rows"] == len(people)
    expected = sum(not record["model_provider"] for record in real_records)
    assert rows["conversations", "model_provider"]["n_null"] == expected
    assert rows["conversations", "model_provider"]["share"] == pytest.approx(expected / 20, abs=1e-6)
    assert rows["conversations", "task_summary"]["n_null"] == 20


def test_an_interval_agrees_with_a_bootstrap_in_plain_python(document, real_records) -> None:
    by_person = defaultdict(list)
    for record in real_records:
        by_person[record["id"].split("_")[0]] += [t["label"] for _, _, t in thoughts_of(record, "reactions")]
    people = [(labels.count("explicit_affirmation"), len(labels)) for labels in by_person.values()]
    rng, drawn = random.Random(7), []
    for _ in range(2_000):
        sample = rng.choices(people, k=len(people))
        drawn.append(sum(n for n, _ in sample) / sum(of for _, of in sample))
    cuts = statistics.quantiles(drawn, n=40, method="inclusive")
    row = next(r for r in document["reactions"]["labels"] if r["value"] == "explicit_affirmation")
    assert row["low"] == pytest.approx(cuts[0], abs=0.02)
    assert row["high"] == pytest.approx(cuts[-1], abs=0.02)


def test_text_lengths(document, real_records, monkeypatch) -> None:
    import tiktoken

    # the library's own way to the same table
    folder = Path(find_spec("litellm").submodule_search_locations[0]) / "litellm_core_utils" / "tokenizers"
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(folder))
    encoding = tiktoken.get_encoding("cl100k_base")
    texts = {
        "user_message": [m["content"] for r in real_records for m in users(r)],
        "assistant_message": [
            m["content"] for r in real_records for m in r["messages"] if m["type"] == "assistant"
        ],
        "reason": [t["content"] for r in real_records for _, _, t in thoughts_of(r, "reasons")],
        "reaction": [t["content"] for r in real_records for _, _, t in thoughts_of(r, "reactions")],
    }
    measures = {"characters": len, "tokens": lambda text: len(encoding.encode_ordinary(text))}
    assert len(document["text_lengths"]) == 8
    for row in document["text_lengths"]:
        lengths = [measures[row["unit"]](text) for text in texts[row["text"]]]
        assert row["n_texts"] == row["spread"]["n"] == len(lengths)
        assert row["spread"]["median"] == pytest.approx(statistics.median(lengths))
        assert row["spread"]["mean"] == pytest.approx(statistics.fmean(lengths), abs=1e-5)
        cuts = statistics.quantiles(lengths, n=20, method="inclusive")
        assert row["spread"]["p5"] == pytest.approx(cuts[0])
        assert row["spread"]["p95"] == pytest.approx(cuts[-1])
    for row in document["text_length_bins"]:
        assert row["n"] == sum(row["low"] <= len(t) < row["high"] for t in texts[row["text"]])
    for text, found in texts.items():
        assert sum(b["n"] for b in document["text_length_bins"] if b["text"] == text) == len(found)


def test_redactions_and_languages(document, real_records) -> None:
    marks = [m["content"].count("<PERSON_") for r in real_records for m in r["messages"]]
    assert document["redactions"]["n_in_messages"] == sum(marks)
    assert document["redactions"]["n_messages_with"] == sum(n > 0 for n in marks)
    (language,) = document["languages"]
    assert (language["language"], language["n_conversations"], language["n_messages"]) == (
        "en",
        20,
        len(marks),
    )


def test_provenance(document, real_records) -> None:
    rows = {row["facet"]: row for row in document["labelling"]["provenance"]}
    n_reasons = sum(len(thoughts_of(r, "reasons")) for r in real_records)
    assert (rows["reason"]["n"], rows["reason"]["share"]) == (n_reasons, 1.0)
    assert rows["relationship"]["n"] == sum(len(users(r)) for r in real_records)
    assert rows["topic"]["n"] == sum(len(topics_of(r)) for r in real_records)
