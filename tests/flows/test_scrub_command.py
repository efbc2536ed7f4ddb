"""`thoughttrace scrub`: the lines, the streams and the exit codes."""

import json
from pathlib import Path

import pytest

from flows.cli import app as command

TEXTS = [
    {"id": "a", "text": "My name is Ines Vandermolen.", "conversation_id": "c", "role": "user"},
    {"id": "b", "text": "Hello Ines!", "conversation_id": "c", "role": "assistant"},
    {"id": "c", "text": "the box says 48291037 on top"},
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps(t) + "\n" for t in TEXTS))
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    command.register_commands()
    monkeypatch.setattr("sys.argv", ["thoughttrace", "scrub", *arguments])
    return command.run(debug=False)


def test_writes_one_line_for_each(
    source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = source.with_name("out.jsonl")
    assert run(monkeypatch, str(source), "--out", str(out)) == 0
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["redacted"] for line in lines] == [
        "My name is <PERSON_1>.",
        "Hello <PERSON_1>!",
        TEXTS[2]["text"],
    ]
    assert capsys.readouterr().out == ""


def test_uncertain_spans_block_or_are_masked(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = source.with_name("out.jsonl")
    assert run(monkeypatch, str(source), "--out", str(out), "--review", "block") == 1
    assert run(monkeypatch, str(source), "--out", str(out), "--review", "mask") == 0
    assert json.loads(out.read_text().splitlines()[2])["redacted"] == "the box says <ID_1> on top"


@pytest.mark.parametrize("flag", [["--review", "perhaps"], ["--policy", "lax"]])
def test_unknown_choice_is_bad_usage(source: Path, monkeypatch: pytest.MonkeyPatch, flag: list[str]) -> None:
    assert run(monkeypatch, str(source), *flag) == 2


def test_bad_line_is_bad_input(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source.write_text("nonsense\n")
    assert run(monkeypatch, str(source), "--out", str(source.with_name("out.jsonl"))) == 2
