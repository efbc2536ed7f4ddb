"""`thoughttrace registry` and `thoughttrace synth` from the command line."""

import json
import sys

import pytest

from flows.cli import app as cli
from tasks.pseudonymise.registry_file import load_registry, save_registry
from tasks.storage.store import open_store

KEY = "a throwaway key of the tests, 0123456789"
OTHER = "another throwaway key, also long enough!"


@pytest.fixture
def command(monkeypatch, capsys):
    cli.register_commands()

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["thoughttrace", *map(str, arguments)])
        code = cli.run(debug=False)
        return code, capsys.readouterr()

    return call


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("THOUGHTTRACE_ID_KEY", KEY)
    private = open_store(str(tmp_path / "store")).child("private")
    loaded = load_registry(private, KEY.encode())
    save_registry(private, loaded.registry, None)
    return tmp_path / "store"


def test_backup_rotate_restore(command, store, tmp_path, monkeypatch):
    backup = tmp_path / "backup.json"
    code, shown = command("registry", "backup", backup, "--store", store, "--json")
    assert code == 0
    assert json.loads(shown.out)["n_participants"] == 0
    new_key = tmp_path / "new-key"
    new_key.write_text(OTHER)
    code, _ = command("registry", "rotate-key", new_key, "--store", store, "--yes")
    assert code == 0
    code, shown = command("registry", "restore", backup, "--store", store, "--yes")
    assert code == 0, shown.err
    monkeypatch.setenv("THOUGHTTRACE_ID_KEY", OTHER)
    code, shown = command("registry", "restore", backup, "--store", store, "--yes")
    assert code == 2
    assert "id key" in shown.err
    assert OTHER not in shown.err


def test_no_key_no_restore(command, store, tmp_path, monkeypatch):
    command("registry", "backup", tmp_path / "b", "--store", store)
    monkeypatch.delenv("THOUGHTTRACE_ID_KEY")
    code, shown = command("registry", "restore", tmp_path / "b", "--store", store, "--yes")
    assert code == 2
    assert "THOUGHTTRACE_ID_KEY" in shown.err


def test_synth_writes_export_and_truth(command, tmp_path):
    out, truth = tmp_path / "e.jsonl.gz", tmp_path / "t.jsonl"
    code, shown = command(
        "synth",
        "-n",
        12,
        "--seed",
        3,
        "--dialect",
        "session",
        "--short",
        "--out",
        out,
        "--truth",
        truth,
        "--json",
    )
    assert code == 0
    assert json.loads(shown.out)["n_conversations"] == 12
    assert out.exists()
    assert truth.exists()


def test_synth_into_a_missing_folder(command, tmp_path):
    code, shown = command("synth", "-n", 1, "--out", tmp_path / "no" / "e.jsonl")
    assert code == 2
    assert "no such folder" in shown.err
