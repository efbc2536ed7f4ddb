"""Bad input at the command line: one plain line on stderr, the right exit code, nothing published."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tasks.storage.store import open_store
from tasks.synth.export import generate
from tests.publishing import stage

REPO = Path(__file__).parents[2]
GOOD = generate(5, 1, "published", short=True).to_bytes()


def zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jsonl", b" " * 50_000_000)


CASES = {
    "empty file": ("x.jsonl", lambda p: p.write_bytes(b""), 2),
    "empty folder": ("folder", lambda p: p.mkdir(), 2),
    "missing": ("nowhere.jsonl", lambda p: None, 2),
    "utf-16": ("x.jsonl", lambda p: p.write_bytes(GOOD.decode().encode("utf-16")), 2),
    "truncated gzip": ("x.jsonl.gz", lambda p: p.write_bytes(gzip.compress(GOOD)[:-200]), 2),
    "zip bomb": ("x.zip", zip_bomb, 2),
    "unknown dialect": ("x.jsonl", lambda p: p.write_text('{"a": 1}\n{"b": 2}\n'), 2),
    "mixed dialects": (
        "x.jsonl",
        lambda p: p.write_bytes(GOOD + generate(5, 1, "flat-study", short=True).to_bytes()),
        2,
    ),
}


@pytest.fixture
def run_cli(prefect_server, monkeypatch, capfd):
    """Run the command in this process; returns exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        from flows.cli.app import register_commands
        from flows.cli.app import run as run_app

        register_commands()
        monkeypatch.setattr("sys.argv", ["thoughttrace", *arguments])
        monkeypatch.setenv("THOUGHTTRACE_ID_KEY", os.environ.get("THOUGHTTRACE_ID_KEY", "k" * 32))
        code = run_app(debug=False)
        out, errors = capfd.readouterr()
        return code, out, errors

    return run


def check_told_plainly(errors: str, out: str) -> str:
    told = [line for line in errors.splitlines() if line.startswith("error:")]
    assert len(told) == 1, errors
    assert "Traceback" not in errors + out
    return told[0]


@pytest.mark.parametrize("case", CASES)
def test_bad_exports(run_cli, tmp_path, case) -> None:
    name, make, expected = CASES[case]
    path = tmp_path / name
    make(path)
    code, out, errors = run_cli(
        "release", str(path), "--store", str(tmp_path / "store"), "--model", "none", "--yes"
    )
    assert code == expected, errors
    check_told_plainly(errors, out)
    assert not (tmp_path / "store" / "releases").exists()


def test_a_mostly_bad_export_leaves_a_list_of_its_faults(run_cli, tmp_path) -> None:
    path, store = tmp_path / "x.jsonl", str(tmp_path / "store")
    path.write_bytes(GOOD + b'{"id": \n' * 5)
    code, out, errors = run_cli("release", str(path), "--store", store, "--model", "none", "--yes")
    assert code == 1
    assert "thoughttrace quarantine" in check_told_plainly(errors, out)
    code, out, _ = run_cli("quarantine", "--store", store, "--json")
    assert code == 0
    assert [(row["file"], row["line"]) for row in json.loads(out)] == [("x.jsonl", n) for n in range(6, 11)]
    code, out, _ = run_cli("quarantine", "--store", store)
    assert "x.jsonl:10" in out


def test_a_gate_that_fails_says_what_to_do(run_cli, monkeypatch, tmp_path) -> None:
    path, policy, store = tmp_path / "x.jsonl", tmp_path / "policy.yaml", tmp_path / "store"
    path.write_bytes(GOOD)
    names = ("conversations", "messages")
    checks = [
        {"name": n, "metric": f"n.{n}", "min": 9000, "severity": "critical", "why": f"Too few {n}."}
        for n in names
    ]
    policy.write_text(json.dumps({"policy_version": 1, "checks": checks}))
    monkeypatch.setenv("THOUGHTTRACE_GATE__POLICY_FILE", str(policy))
    code, out, errors = run_cli("release", str(path), "--store", str(store), "--model", "none", "--yes")
    assert code == 1, errors
    told = check_told_plainly(errors, out)
    assert (
        "failed 2 critical checks: conversations: 5, allowed from 9000. Too few conversations; messages: "
        in told
    )
    assert ".;" not in told
    (document,) = (store / "private").rglob("gate.json")
    assert f"Nothing was staged; {document} has every check" in told
    assert told.endswith("name that in gate.policy_file and run again")
    assert not list((store / "private").glob("candidates/*"))


def test_no_key_no_run(run_cli, monkeypatch, tmp_path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(GOOD)
    monkeypatch.setenv("THOUGHTTRACE_ID_KEY", "")
    code, out, errors = run_cli("release", str(path), "--store", str(tmp_path / "s"), "--yes")
    assert code == 2
    assert "THOUGHTTRACE_ID_KEY" in check_told_plainly(errors, out)


def test_short_key_no_run(run_cli, monkeypatch, tmp_path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(GOOD)
    monkeypatch.setenv("THOUGHTTRACE_ID_KEY", "k" * 31)
    code, out, errors = run_cli("release", str(path), "--store", str(tmp_path / "s"), "--yes")
    assert code == 2
    assert "31 bytes" in check_told_plainly(errors, out)


def test_a_store_that_is_a_file(run_cli, tmp_path) -> None:
    (tmp_path / "x.jsonl").write_bytes(GOOD)
    (tmp_path / "store").write_text("")
    code, out, errors = run_cli(
        "release", str(tmp_path / "x.jsonl"), "--store", str(tmp_path / "store"), "--yes"
    )
    assert code == 2, errors
    check_told_plainly(errors, out)


def test_an_unknown_setting(run_cli, tmp_path) -> None:
    (tmp_path / "s.toml").write_text("[privacy]\nkk = 3\n")
    code, out, errors = run_cli(
        "release", "x.jsonl", "--store", str(tmp_path / "s"), "--config", str(tmp_path / "s.toml"), "--yes"
    )
    assert code == 2
    assert "privacy.kk" in check_told_plainly(errors, out)


def test_an_unknown_flag_is_a_usage_error(start_cli) -> None:
    process = start_cli("release", "x.jsonl", "--sotre", "s")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "--sotre" in errors
    assert "Traceback" not in errors


WITHOUT_PREFECT = """
import contextlib, io, json, os, sys
sys.modules["prefect"] = None  # to import it is an error of its own
from flows.cli.app import register_commands, run
register_commands()
told = []
for arguments, environment in json.loads(sys.stdin.read()):
    sys.argv, os.environ = ["thoughttrace", *arguments], {**os.environ, **environment}
    with contextlib.redirect_stderr(io.StringIO()) as errors:
        told.append((run(debug=False), errors.getvalue()))
print(json.dumps(told))
"""


def run_without_prefect(*calls: tuple[list[str], dict[str, str]]) -> list[tuple[int, str]]:
    """Run commands in a process that cannot import Prefect: what is wrong is told before its slow start."""
    environment = {name: v for name, v in os.environ.items() if not name.startswith("THOUGHTTRACE_")}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_PREFECT],
        input=json.dumps(calls),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [(code, check_told_plainly(errors, "")) for code, errors in json.loads(done.stdout)]


def test_wrong_values_of_options_are_told_at_once() -> None:
    release, retag = ["release", "x.jsonl"], ["retag", "latest", "--taxonomy", "x.yaml"]
    cases = [
        (release, "--policy", "foo", "auto, strict, as-published"),
        (release, "--review", "foo", "auto, block, mask"),
        (release, "--bump", "foo", "auto, major, minor, patch"),
        (release, "--set-version", "foo", "v1.4.0"),
        (release, "--set-version", "v01.4.0", "v1.4.0"),
        (release, "--budget", "-1", "0 or more"),
        (release, "--budget", "nan", "0 or more"),
        (release, "--budget", "inf", "0 or more"),
        (retag, "--budget", "-5", "0 or more"),
    ]
    told = run_without_prefect(*(([*command, flag, value], {}) for command, flag, value, _ in cases))
    for (code, error), (_, flag, value, allowed) in zip(told, cases, strict=True):
        assert code == 2, error
        assert error.startswith(f"error: {flag} {value}: "), error
        assert allowed in error


def test_a_release_that_cannot_start_is_told_at_once(tmp_path) -> None:
    (tmp_path / "x.jsonl").write_bytes(GOOD)
    (tmp_path / "empty").mkdir()
    (tmp_path / "s.toml").write_text("[privacy]\nkk = 3\n")
    export, store = str(tmp_path / "x.jsonl"), ["--store", str(tmp_path / "store")]
    key = {"THOUGHTTRACE_ID_KEY": "k" * 32}
    missing, empty = str(tmp_path / "nowhere.jsonl"), str(tmp_path / "empty")
    cases = [
        ([export, *store], {}, "no id key"),
        ([export, *store], {"THOUGHTTRACE_ID_KEY_FILE": missing}, "No such file or directory"),
        ([export, *store], {"THOUGHTTRACE_ID_KEY_FILE": "", "THOUGHTTRACE_ID_KEY": "short"}, "5 bytes"),
        ([missing, *store], key, f"no such file or folder: {missing}"),
        ([empty, *store], key, f"no export in the folder {empty}"),
        (["s3://bucket/x.jsonl", missing, *store], key, f"no such file or folder: {missing}"),
        (["gs://bucket/x.jsonl", *store], key, "cannot read gs:// addresses"),
        ([str(tmp_path), *store], key, "keep them apart"),
        ([export, "--store", export], key, "this is a file"),
        ([export], key, "no store given"),
        ([export, *store, "--config", str(tmp_path / "s.toml")], key, "privacy.kk"),
    ]
    told = run_without_prefect(*((["release", *words, "--yes"], environ) for words, environ, _ in cases))
    for (code, error), (*_, says) in zip(told, cases, strict=True):
        assert (code, says in error) == (2, True), error
    assert not (tmp_path / "store").exists()


def test_approve_names_a_version_that_is_none(run_cli, tmp_path) -> None:
    uri = str(tmp_path / "store")
    candidate = stage(open_store(uri), "v1.0.0", range(2)).candidate_id
    code, out, errors = run_cli("approve", candidate, "--set-version", "foo", "--store", uri)
    assert code == 2
    assert "--set-version foo: not a version; use the form v1.4.0" in check_told_plainly(errors, out)


@pytest.mark.fault(
    "process",
    "Ctrl-C",
    "exit 130, nothing half published",
)
def test_ctrl_c_leaves_nothing_half_published(tmp_path, record_property) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(generate(200, 1, "published").to_bytes())
    arguments = ["release", str(path), "--store", str(tmp_path / "s"), "--model", "none", "--yes", "--json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli.app", *arguments],
        cwd=REPO,
        env=os.environ
        | {
            "PREFECT_HOME": str(tmp_path / "prefect"),
            "THOUGHTTRACE_ID_KEY": "k" * 32,
            "PYTHONPATH": str(REPO),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # a terminal interrupts the temporary Prefect server, too
        start_new_session=True,
    )
    assert process.stderr is not None
    try:
        while '"scrubbing"' not in process.stderr.readline():
            assert process.poll() is None
        # the main thread waits for the shard by then
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
        # a shard takes longer
        _, errors = process.communicate(timeout=15)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode == 130, errors
    assert errors.count("error:") == errors.count("interrupted") == 1
    assert "resource_tracker" not in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "s" / "releases").exists()
    # the server and the processes that scrub have ended, too
    deadline = time.monotonic() + 15
    while _is_alive(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_alive(process.pid)
    record_property("rounds", 1)


def _is_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
