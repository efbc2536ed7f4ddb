"""A leak is found after publication: masked in a patch, yanked, purged, and masked in all later releases."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import polars as pl
import pytest
import zstandard

from flows.cli import app as cli
from schemas.errors import InputError, NotFoundError
from tasks.publish.releases import list_releases, load_release
from tasks.publish.verify import verify_release
from tasks.storage.store import open_store
from tests.exports import jsonl, session

KEY = "k3Y-0123456789-abcdefghijklmnopqrstuvwxyz"
PLACE, WORDS = "the old heron mill", "purple tinkering guild"
"""What no recogniser finds: the first is reported by its place, the second by its words."""


def export(n: int) -> bytes:
    records = [session(i, tasks=1) for i in range(1, n + 1)]

    def message(i: int, position: int = 0) -> dict:
        return records[i]["tasks"][0]["conversations"][0]["messages"][position]

    message(0)["content"] = f"We live beside {PLACE}, can herbs grow there?"
    message(0, 2)["content"] = "Is the old Heron-mill too dry?"
    message(1)["content"] = f"Not near {PLACE}. I meet the {WORDS} on Fridays."
    records[2]["tasks"][0]["task_summary"] = f"Herbs for the {WORDS}, please"
    return jsonl(records)


def texts_of(store: Path, version: str) -> str:
    """Everything that a reader sees of a release."""
    parts = []
    for path in sorted((store / "releases" / version).rglob("*")):
        if path.suffix == ".parquet":
            parts.append(str(pl.read_parquet(path).to_dicts()))
        elif path.suffix == ".zst":
            parts.append(
                zstandard.ZstdDecompressor().stream_reader(io.BytesIO(path.read_bytes())).read().decode()
            )
        elif path.is_file():
            parts.append(path.read_text(errors="replace"))
    return "\n".join(parts).lower()


@pytest.fixture(scope="module")
def redacted(prefect_server, tmp_path_factory):
    from flows.redact import redact
    from flows.release import release

    folder = tmp_path_factory.mktemp("redact")
    store, spans = folder / "store", folder / "leaks.jsonl"
    options = {
        "store": str(store),
        "config_file": str(folder / "config.toml"),
        "tagging": {"model": "none"},
        "privacy": {"policy": "strict", "review": "mask"},
    }
    # nothing is uncertain, so that only what is sure is masked before
    (folder / "config.toml").write_text("[privacy]\nreview_score = 0.5\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THOUGHTTRACE_ID_KEY", KEY)
        for n in (5, 6):
            (folder / f"export{n}.jsonl").write_bytes(export(n))
        release(exports=[str(folder / "export5.jsonl")], approval="none", **options)
        message = load_release(open_store(str(store)))[1]["messages"].filter(
            pl.col("content").str.contains(PLACE) & pl.col("content").str.contains("beside")
        )
        start = message["content"][0].index("old")
        place = {
            "message_id": message["message_id"][0],
            "start": start,
            "end": start + 12,
            "type": "location",
        }
        # the whole name, given from the middle of a word on, is widened to words
        place["start"] -= 2
        spans.write_text(json.dumps(place) + "\n" + json.dumps({"text": WORDS, "type": "OTHER"}) + "\n")
        planned = _run_cli(patch, "redact", "--spans", spans, "--store", store, "--json")
        before = texts_of(store, "v1.0.0")
        outcome = redact(spans_file=str(spans), store=str(store), purge_files=True)
        patched = {"v1.0.0": before, "v1.0.1": texts_of(store, "v1.0.1")}
        changelog = (store / "CHANGELOG.md").read_text()
        again = redact(spans_file=str(spans), store=str(store), purge_files=True)
        later = release(exports=[str(folder / "export6.jsonl")], approval="none", **options)
    return {
        "store": store,
        "folder": folder,
        "planned": planned,
        "outcome": outcome,
        "texts": patched,
        "changelog": changelog,
        "again": again,
        "later": later,
    }


def _run_cli(patch: pytest.MonkeyPatch, *arguments: object) -> dict:
    out = io.StringIO()
    patch.setattr(sys, "argv", ["thoughttrace", *map(str, arguments)])
    patch.setattr(sys, "stdout", out)
    patch.setattr(sys, "stdin", io.StringIO())
    cli.register_commands()
    assert cli.run(debug=False) == 0
    patch.setattr(sys, "stdout", sys.__stdout__)
    return json.loads(out.getvalue())


def test_the_plan_says_what_is_affected_and_does_nothing(redacted) -> None:
    planned = redacted["planned"]
    assert planned["status"] == "planned"
    assert (planned["n_lines"], planned["n_values"]) == (2, 2)
    assert [(r["version"], r["n_spans"], r["n_conversations"]) for r in planned["releases"]] == [
        ("v1.0.0", 4, 3)
    ]


def test_the_patch_masks_the_place_in_its_conversation_and_the_words_everywhere(redacted) -> None:
    outcome, texts = redacted["outcome"], redacted["texts"]
    assert (outcome["yanked"], outcome["latest"]) == (["v1.0.0"], "v1.0.1")
    assert WORDS in texts["v1.0.0"]
    assert WORDS not in texts["v1.0.1"]
    # the same words in another conversation are not what was reported
    assert f"not near {PLACE}" in texts["v1.0.1"]
    assert f"beside {PLACE}" not in texts["v1.0.1"]
    tables = load_release(open_store(str(redacted["store"])), "v1.0.1")[1]
    contents = tables["messages"]["content"].to_list()
    assert "We live beside <LOCATION_1>, can herbs grow there?" in contents
    assert "Is <LOCATION_1> too dry?" in contents
    changes = tables["changes"].filter(pl.col("change") == "changed")
    assert dict(changes.select("scope", "n_rows").iter_rows()) == {"conversations": 1, "messages": 3}
    assert set(changes["reason"]) == {"privacy", "text"}


def test_the_patch_is_sound_and_the_records_say_the_same(redacted) -> None:
    store = open_store(str(redacted["store"]))
    assert verify_release(store, "v1.0.1").problems == []
    data = store.get("releases/v1.0.1/thoughttrace.jsonl.zst")
    lines = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)).read().splitlines()
    said = {m["content"] for line in lines for m in json.loads(line)["messages"]}
    assert set(load_release(store, "v1.0.1")[1]["messages"]["content"]) == said


def test_the_advisory_quotes_nothing(redacted) -> None:
    changelog = redacted["changelog"]
    assert "**Advisory**" in changelog
    assert "4 spans in 3 conversations. v1.0.0 held it" in changelog
    assert "LOCATION, OTHER" in changelog
    assert not any(v in changelog.lower() for v in (PLACE, WORDS, "heron", "purple"))


def test_asking_again_changes_nothing(redacted) -> None:
    again, outcome = redacted["again"], redacted["outcome"]
    assert [again[k] for k in ("yanked", "latest", "n_values", "releases")] == [
        outcome[k] for k in ("yanked", "latest", "n_values", "releases")
    ]


def test_a_purge_leaves_nothing_of_it(redacted) -> None:
    store = open_store(str(redacted["store"]))
    assert redacted["outcome"]["receipt"]["purged"]["releases"] == ["v1.0.0"]
    found = [o.key for o in store.list() if WORDS.encode() in store.get(o.key).lower()]
    assert found == []
    assert "v1.0.0" in [r.version for r in list_releases(store) if r.is_yanked]
    with pytest.raises(NotFoundError, match="personal data was found"):
        load_release(store, "v1.0.0")


def test_a_later_release_from_the_same_exports_masks_it_too(redacted) -> None:
    later = redacted["later"]
    assert (later["status"], later["parent"]) == ("published", "v1.0.1")
    texts = texts_of(redacted["store"], later["version"])
    assert WORDS not in texts
    assert f"beside {PLACE}" not in texts
    assert f"not near {PLACE}" in texts


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"item_id": "user9_task9_conversation9", "start": 0, "end": 3}', "line 1: the release has no text"),
        ('{"item_id": "x", "start": 3, "end": 3}', "needs `text`, or `item_id`"),
        ('{"text": "Q!"}', "too short"),
        ('{"text": "!!!", "conversation_id": "c"}', "no letters or digits"),
        ('{"text": "abcdef", "type": "WHO"}', "unknown type"),
        ("nothing", "not a JSON object"),
        ("", "names nothing"),
    ],
)
def test_a_wrong_list_is_refused_without_a_quotation(redacted, tmp_path, monkeypatch, line, says) -> None:
    from flows.redact import redact

    monkeypatch.setenv("THOUGHTTRACE_ID_KEY", KEY)
    (tmp_path / "leaks.jsonl").write_text(line)
    with pytest.raises(InputError, match=says):
        redact(spans_file=str(tmp_path / "leaks.jsonl"), store=str(redacted["store"]))
