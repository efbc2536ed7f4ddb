"""The commands about published releases: text, JSON and exit codes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from flows.cli import app as cli
from flows.cli.output import print_rows
from tasks.storage.store import Store, open_store
from tests.publishing import publish, release, stage


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = open_store(str(tmp_path / "my store"))
    release(store, "v1.0.0")
    release(store, "v1.1.0", range(10), side_files={"stats.json": b'{"shares":[{"id":"a","value":0.5}]}'})
    return store


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["thoughttrace", *map(str, arguments)])
        cli.register_commands()
        code = cli.run(debug=False)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_list(store: Store, run) -> None:
    code, out, _ = run("list", "--store", store.uri, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["latest"] == "v1.1.0"
    assert [(r["version"], r["state"]) for r in document["releases"]] == [
        ("v1.0.0", ""),
        ("v1.1.0", "latest"),
    ]
    assert "v1.1.0" in run("list", "--store", store.uri)[1]


def test_store_from_the_environment(store: Store, run, monkeypatch) -> None:
    monkeypatch.setenv("THOUGHTTRACE_STORE", store.uri)
    assert run("list")[0] == 0


@pytest.mark.parametrize("arguments", [("list",), ("verify",), ("show", "v1.0.0")])
def test_no_store_is_bad_usage(run, tmp_path: Path, arguments) -> None:
    code, _, err = run(*arguments)
    assert (code, "no store given" in err) == (2, True)
    code, _, err = run(*arguments, "--store", tmp_path / "none")
    assert (code, "no store at" in err) == (2, True)
    (tmp_path / "file").write_text("")
    code, _, err = run(*arguments, "--store", tmp_path / "file")
    assert (code, "this is a file" in err) == (2, True)


def test_show(store: Store, run) -> None:
    code, out, _ = run("show", "latest", "--store", store.uri)
    assert code == 0
    assert "v1.1.0" in out
    document = json.loads(run("show", "v1.0.0", "--store", store.uri, "--json")[1])
    assert document["info"]["inputs"][0]["name"] == "export.jsonl"
    assert document["is_latest"] is False
    code, _, err = run("show", "v9.9.9", "--store", store.uri)
    assert (code, "no release v9.9.9" in err) == (2, True)
    assert run("show", "1.0", "--store", store.uri)[0] == 2


def test_a_pipe_gets_whole_lines(monkeypatch, capsys) -> None:
    monkeypatch.delenv("COLUMNS")
    print_rows(["path", "n"], [["s3://bucket/" + "x" * 200, "1"]])
    assert "x" * 200 in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "80")
    print_rows(["path", "n"], [["s3://bucket/" + "x" * 200, "1"]])
    assert max(map(len, capsys.readouterr().out.splitlines())) == 80


def test_diff(store: Store, run) -> None:
    code, out, _ = run("diff", "v1.0.0", "v1.1.0", "--store", store.uri, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["tables"]["participants"] == {
        "added": 2,
        "removed": 0,
        "changed": 0,
        "unchanged": 8,
        "reasons": {},
    }
    assert {"name": "shares.a.value", "before": None, "after": 0.5} in document["stats"]
    assert document["labels"]["topic"]
    assert "participants" in run("diff", "v1.0.0", "latest", "--store", store.uri)[1]


def test_verify(store: Store, run) -> None:
    code, out, _ = run("verify", "--store", store.uri)
    assert (code, "v1.1.0 is sound" in out) == (0, True)
    store.delete("releases/v1.1.0/stats.json")
    code, out, err = run("verify", "v1.1.0", "--store", store.uri, "--json")
    assert code == 1
    assert json.loads(out)["problems"] == [{"path": "releases/v1.1.0/stats.json", "what": "is missing"}]
    assert "releases/v1.1.0/stats.json is missing" in err
    assert run("verify", "v1.0.0", "--store", store.uri)[0] == 0
    assert run("verify", "v1.0.0", "--store", store.uri, "--require-signature")[0] == 1


def test_verify_that_somebody_is_absent(store: Store, run, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("THOUGHTTRACE_ID_KEY", "k" * 40)
    ids = tmp_path / "ids.txt"
    for name, code in (("user99", 0), ("user9_task1_conversation1", 1), ("5f3c9a7be1d2c4a6b8907f11", 0)):
        ids.write_text(f"{name}\n")
        assert run("verify", "v1.0.0", "--absent", ids, "--store", store.uri)[0] == code, name
    # user9 is in v1.1.0 only
    ids.write_text("user9\n")
    code, out, err = run("verify", "v1.0.0", "--absent", ids, "--store", store.uri, "--json")
    assert (code, json.loads(out)["ok"]) == (1, False)
    assert all("v1.1.0" in key or key.startswith("shards/") for key in json.loads(out)["mentions"])
    run("yank", "v1.1.0", "--why", "withdrawn", "--store", store.uri)
    code, out, err = run("verify", "v1.0.0", "--absent", ids, "--store", store.uri)
    assert (code, "yanked releases still speak of somebody" in err) == (0, True)
    assert run("yank", "v1.1.0", "--undo", "--store", store.uri)[0] == 0
    assert run("verify", "v1.0.0", "--absent", ids, "--store", store.uri)[0] == 1


def test_yank(store: Store, run) -> None:
    assert run("yank", "v1.1.0", "--store", store.uri)[0] == 2
    code, out, _ = run("yank", "latest", "--why", "bad labels", "--store", store.uri, "--json")
    assert code == 0
    assert json.loads(out)["latest"] == "v1.0.0"
    states = {
        r["version"]: r["state"]
        for r in json.loads(run("list", "--store", store.uri, "--json")[1])["releases"]
    }
    assert states == {"v1.0.0": "latest", "v1.1.0": "yanked"}


def test_gc_is_dry_by_default(store: Store, run) -> None:
    orphan = "shards/ab/" + "ab" * 32 + ".parquet"
    store.put(orphan, b"x")
    code, out, _ = run("gc", "--store", store.uri, "--grace-days", 0, "--json")
    assert (code, json.loads(out)["dry_run"], json.loads(out)["n_files"]) == (0, True, 1)
    assert store.head(orphan) is not None
    assert run("gc", "--store", store.uri, "--yes")[0] == 0
    assert store.head(orphan) is not None
    assert run("gc", "--store", store.uri, "--yes", "--grace-days", 0)[0] == 0
    assert store.head(orphan) is None


def test_pull(store: Store, run, tmp_path: Path) -> None:
    code, out, _ = run("pull", "latest", tmp_path / "out", "--store", store.uri, "--json")
    assert (code, json.loads(out)["version"]) == (0, "v1.1.0")
    assert (tmp_path / "out" / "messages" / "part-00000.parquet").is_file()
    code, out, _ = run("pull", "v1.1.0", tmp_path / "d", "--since", "v1.0.0", "--store", store.uri, "--json")
    assert json.loads(out)["n_rows"]["participants"] == 2


def test_unfinished_release_is_shown_as_such(store: Store, run) -> None:
    class CrashError(Exception):
        pass

    def crash(step: str) -> None:
        if step == "S5":
            raise CrashError

    with pytest.raises(CrashError):
        publish(store, stage(store, "v1.2.0", range(11)), "run-x", checkpoint=crash)
    document = json.loads(run("list", "--store", store.uri, "--json")[1])
    assert document["releases"][-1]["state"] == "unfinished"
    assert run("verify", "v1.2.0", "--store", store.uri)[0] == 0


@pytest.mark.parametrize("command", ["approve", "reject"])
def test_a_candidate_is_named_by_four_characters_or_more(store: Store, run, monkeypatch, command) -> None:
    monkeypatch.setenv("THOUGHTTRACE_ID_KEY", "k" * 32)
    found = stage(store, "v1.2.0", range(5))
    flags = ["--why", "test"] if command == "reject" else []
    for start in ("", found.candidate_id[:3]):
        code, _, err = run(command, start, "--store", store.uri, *flags)
        assert (code, "at least 4 characters" in err) == (2, True)
    assert [c["candidate_id"] for c in json.loads(run("candidates", "--store", store.uri, "--json")[1])] == [
        found.candidate_id
    ]


def test_the_answer_to_a_rejection_is_a_result(store: Store, run) -> None:
    found = stage(store, "v1.2.0", range(5))
    _, out, _ = run("reject", found.candidate_id[:4], "--why", "[odd] reason", "--store", store.uri)
    assert out == f"rejected {found.candidate_id} (v1.2.0): [odd] reason\n"
