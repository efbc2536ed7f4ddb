"""A run's parameters reach no other host; secrets reach no output."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from flows.cli import app as cli
from tasks.synth.export import generate, write_export
from tests.storage_servers import free_port

ADDRESSES = [
    "http://169.254.169.254/latest/meta-data", "https://example.org/x.jsonl", "ftp://example.org/x", "gs://b/x.jsonl",
    "file://example.org/etc/passwd", "\\\\host\\share\\x.jsonl", "//host/share/x.jsonl", "hf://datasets/x",
    "simplecache::http://127.0.0.1/x", "zip://x::http://127.0.0.1/x", "S3://bucket/x.jsonl", "data://text/x", "ssh://h/x",
    "memory://x", "jdbc:postgresql://h/x", "s3://",
]  # fmt: skip
SECRETS = {
    "THOUGHTTRACE_ID_KEY": "idkey-Zq7Yp2-0123456789abcdef0123456789",
    "AWS_SECRET_ACCESS_KEY": "aws-Xw3Rt9-secret",
    "AWS_SESSION_TOKEN": "aws-Kc8Vb1-token",
    "OPENAI_API_KEY": "sk-Lm4Nj6-provider",
}


@pytest.fixture
def run(monkeypatch, capfd):
    def call(*arguments: str, debug: bool = False) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["thoughttrace", *arguments])
        cli.register_commands()
        code = cli.run(debug=debug)
        captured = capfd.readouterr()
        return code, captured.out + captured.err

    return call


@pytest.mark.parametrize("address", ADDRESSES)
def test_exports_come_from_files_and_s3_only(address: str, tmp_path: Path, monkeypatch) -> None:
    from schemas.errors import ThoughttraceError
    from tasks.storage.inputs import list_inputs

    def refuse(*_: object, **__: object):
        raise AssertionError("a connection was tried")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("socket.socket.connect", refuse)
    with pytest.raises(ThoughttraceError) as caught:
        list_inputs([address])
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("address", [a for a in ADDRESSES if "::" not in a])
def test_stores_are_folders_and_s3_only(address: str, tmp_path: Path, run, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, said = run("list", "--store", address)
    assert code == 2, said
    assert not list(tmp_path.iterdir())


def commands(tmp_path: Path) -> dict[str, list[str]]:
    export, store = str(tmp_path / "x.jsonl"), str(tmp_path / "store")
    broken = tmp_path / "broken.toml"
    broken.write_text("[tag]\nmodel = 3\n")
    return {
        "config show": ["config", "show"],
        "config show --json": ["config", "show", "--json"],
        "wrong setting": ["config", "show", "--config", str(broken)],
        "no such release": ["show", "v9.9.9", "--store", store],
        "store is down": ["list", "--store", "s3://bucket/x"],
        "not an export": ["scrub", str(broken)],
        "registry": ["registry", "backup", export, "--store", store],
    }


@pytest.mark.parametrize("name", [
    "config show", "config show --json", "wrong setting", "no such release", "store is down", "not an export",
    "registry",
])  # fmt: skip
def test_secrets_reach_no_output(name: str, run, tmp_path: Path, monkeypatch) -> None:
    for variable, value in SECRETS.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    write_export(generate(4, 1, "published", short=True), tmp_path / "x.jsonl")
    code, said = run(*commands(tmp_path)[name], debug=True)
    assert said.strip()
    assert (code == 0) == name.startswith("config show"), said
    found = [v for v, value in SECRETS.items() if value in said or value[:12] in said]
    assert not found, found


@pytest.mark.parametrize(
    ("variable", "value"),
    [("THOUGHTTRACE_IDKEY", "Zq7Yp2-planted"), ("THOUGHTTRACE_TAG", "Zq7Yp2-planted"), ("THOUGHTTRACE_ID_KEY", "Zq7Yp2")],
)  # fmt: skip
def test_a_secret_in_the_wrong_place_is_not_repeated(
    variable, value, run, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv(variable, value)
    write_export(generate(4, 1, "published", short=True), tmp_path / "x.jsonl")
    arguments = ["registry", "backup", str(tmp_path / "b"), "--store", str(tmp_path / "s")]
    code, said = run(*arguments, debug=True)
    assert code == 2, said
    assert "Zq7Yp2" not in said


def test_a_key_file_is_named_and_never_shown(run, tmp_path: Path, monkeypatch) -> None:
    key = tmp_path / "key"
    key.write_text("Zq7Yp2")
    monkeypatch.setenv("THOUGHTTRACE_ID_KEY_FILE", str(key))
    code, said = run("registry", "backup", str(tmp_path / "b"), "--store", str(tmp_path / "s"), debug=True)
    assert code == 2
    assert "Zq7Yp2" not in said


def test_settings_hold_no_secret() -> None:
    from flows.settings import resolve_settings

    words = ("password", "secret", "token", "api_key", "credential")
    rows = {r.key: r.value for r in resolve_settings(environ={}).rows()}
    odd = [k for k in rows if any(w in k.rpartition(".")[2] for w in words)]
    assert all(not isinstance(rows[k], str) or k.endswith("_file") or rows[k] in {"replace"} for k in odd), (
        odd
    )
    assert json.dumps({k: str(v) for k, v in rows.items()})
