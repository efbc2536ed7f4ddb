"""Uncertain spans block a strict release until a person has decided; nothing is asked twice."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import sys
from pathlib import Path

import pytest

from flows.cli import app as cli
from schemas.errors import ReviewPendingError
from tests.exports import jsonl, session

KEY = "k" * 40
CODES = ("48291037", "77120945", "66120944")


def export_with(*codes: str) -> bytes:
    """Sessions whose texts carry a number that may or may not be an id."""
    records = [session(n, tasks=1) for n in range(1, 8)]
    for record, code in zip(records, codes, strict=False):
        message = record["tasks"][0]["conversations"][0]["messages"][0]
        message["content"] = f"The box in the shed says {code} on top, what could that mean?"
    return jsonl(records)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("review")
    (folder / "export.jsonl").write_bytes(export_with(*CODES, CODES[0]))
    return folder


@pytest.fixture
def run(monkeypatch, capsys, folder):
    monkeypatch.setenv("THOUGHTTRACE_ID_KEY", KEY)
    cli.register_commands()

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(
            sys, "argv", ["thoughttrace", *map(str, arguments), "--store", str(folder / "store")]
        )
        code = cli.run(debug=False)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def release(folder: Path, name: str = "export.jsonl", review: str = "block") -> dict:
    from flows.release import release as flow

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THOUGHTTRACE_ID_KEY", KEY)
        return flow(
            exports=[str(folder / name)],
            store=str(folder / "store"),
            privacy={"policy": "strict", "review": review},
            tagging={"model": "none"},
            approval="none",
        )


@pytest.fixture(scope="module")
def blocked(prefect_server, folder) -> tuple[int, str]:
    """Exit code and message of the command on a strict export; blocking is its default."""
    cli.register_commands()
    command = [
        "release",
        str(folder / "export.jsonl"),
        "--store",
        str(folder / "store"),
        "--model",
        "none",
        "--yes",
    ]
    errors = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(errors):
        patch.setenv("THOUGHTTRACE_ID_KEY", KEY)
        patch.setattr(sys, "argv", ["thoughttrace", *command])
        code = cli.run(debug=False)
    return code, errors.getvalue()


def test_the_message_counts_and_names_the_commands_but_quotes_nothing(blocked, folder) -> None:
    code, message = blocked
    assert code == 1
    assert "4 uncertain spans (3 different ones) in 4 conversations" in message
    assert f"thoughttrace review list --store {folder / 'store'}" in message
    assert not any(number in message for number in CODES)


def test_list_shows_each_candidate_in_its_place(blocked, run) -> None:
    code, out, _ = run("review", "list")
    assert code == 0
    assert all(f"The box in the shed says {c} on top" in out for c in CODES)
    assert "2 spans in 2 conversations" in out


def test_json_holds_no_text_unless_asked(blocked, run) -> None:
    code, out, _ = run("review", "list", "--json")
    found = json.loads(out)
    assert (code, found["n_open"], found["n_blocking"], found["n_spans"]) == (0, 3, 3, 4)
    assert not any(c in out for c in CODES)
    assert {i["type"] for i in found["items"]} == {"ID"}
    shown = json.loads(run("review", "list", "--json", "--with-text")[1])
    assert {i["candidate"] for i in shown["items"]} == set(CODES)


def test_every_place_of_one_candidate(blocked, run) -> None:
    first = json.loads(run("review", "list", "--json")[1])["items"][0]
    places = json.loads(run("review", "list", first["id"][:10], "--json")[1])["items"]
    assert len(places) == first["n_spans"] == 2
    assert len({p["item_id"] for p in places}) == 2


def test_the_private_files_hold_no_text(blocked, folder, run) -> None:
    files = [p for p in (folder / "store/private/review").rglob("*") if p.is_file()]
    assert files
    assert not [p for p in files if any(c.encode() in p.read_bytes() for c in CODES)]


def test_decide_undo_export_import_and_release(blocked, folder, run, tmp_path) -> None:
    items = json.loads(run("review", "list", "--json", "--with-text")[1])["items"]
    ids = {i["candidate"]: i["id"] for i in items}

    assert run("review", "accept")[0] == 2, "nothing chosen"
    assert run("review", "accept", "ffffffffffff")[0] == 2, "not in the queue"
    code, out, _ = run("review", "accept", ids[CODES[0]][:12], "--by", "Mo", "--json")
    assert code == 0
    assert json.loads(out) | {"n_decided": 1, "n_open": 2, "n_blocking": 2} == json.loads(out)
    run("review", "reject", "--type", "id")
    assert json.loads(run("review", "list", "--json")[1])["n_open"] == 0
    run("review", "undo", ids[CODES[1]], ids[CODES[2]])
    code, _, told = run("review", "undo", ids[CODES[1]])
    assert (code, "is not decided" in told) == (2, True)
    assert json.loads(run("review", "list", "--json")[1])["n_open"] == 2

    for name in ("queue.csv", "queue.jsonl"):
        sheet = tmp_path / name
        assert run("review", "export", sheet)[0] == 0
        assert run("review", "export", sheet)[0] == 2, "never overwrites"
        assert sheet.stat().st_mode & 0o077 == 0
        assert not any(c in sheet.read_text() for c in CODES)
        unchanged = json.loads(run("review", "import", sheet, "--json")[1])
        assert (unchanged["n_decided"], unchanged["n_decisions"]) == (0, 1)
    with_text = tmp_path / "text.csv"
    run("review", "export", with_text, "--with-text")
    assert all(c in with_text.read_text() for c in CODES)

    rows = list(csv.DictReader((tmp_path / "queue.csv").open()))
    for row in rows:
        row["decision"] = row["decision"] or {ids[CODES[1]]: "reject", ids[CODES[2]]: "accept"}[row["id"]]
    filled = tmp_path / "filled.jsonl"
    filled.write_text("".join(json.dumps(r) + "\n" for r in rows))
    done = json.loads(run("review", "import", filled, "--json")[1])
    assert (done["n_decided"], done["n_open"]) == (2, 0)

    outcome = release(folder)
    assert (outcome["status"], outcome["version"]) == ("published", "v1.0.0")
    import polars as pl

    texts = (
        pl.read_parquet(folder / "store/releases/v1.0.0/messages/*.parquet")["content"].str.join("\n").item()
    )
    assert [c in texts for c in CODES] == [False, True, False]
    assert outcome["privacy"]["n_review"] == 0

    # the same texts and one new one: only the new one is asked for
    (folder / "more.jsonl").write_bytes(export_with(*CODES, CODES[0], "31998265"))
    with pytest.raises(ReviewPendingError, match=r"1 uncertain spans \(1 different ones\)"):
        release(folder, "more.jsonl")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.jsonl", "no json\n", "line 1 is not JSON"),
        ("b.jsonl", '{"id":"x","type":"ID","decision":"accept"}\n', "row 1: needs the `id`"),
        ("c.csv", "id,type,decision\n" + "a" * 32 + ",ID,perhaps\n", "row 1: a decision is"),
        ("d.txt", "", "--format"),
        ("missing.csv", None, "cannot read"),
    ],
)
def test_a_wrong_sheet_is_refused(run, tmp_path, name, content, says) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    code, _, err = run("review", "import", tmp_path / name)
    assert code == 2
    assert says in err


def test_a_list_of_values_becomes_digests(run, folder, tmp_path) -> None:
    values = tmp_path / "staff.txt"
    values.write_text("# staff\nOda Brunsvik\nKlavertje Vier\n")
    assert json.loads(run("review", "deny", values, "--json")[1])["n_new"] == 2
    assert json.loads(run("review", "deny", values, "--json")[1]) == {
        "n_new": 0,
        "n_cleared": 0,
        "n_rules": 2,
    }
    assert b"Brunsvik" not in (folder / "store/private/review/pii/deny.parquet").read_bytes()
    assert run("review", "deny", values, "--type", "NOPE")[0] == 2
    assert json.loads(run("review", "deny", "--clear", "--json")[1])["n_rules"] == 0
