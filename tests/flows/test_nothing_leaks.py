"""After a whole run, refused first and then finished, neither planted data nor any message is with Prefect, in logs or spans."""

from __future__ import annotations

import datetime
import io
import json
import os
import random
import sqlite3
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import zstandard

from flows.cli import app as cli
from tasks.scrub.canary_forms import TYPES, invent
from tests.exports import jsonl, session
from tests.flows.conftest import ID_KEY, REPO

N = 16
CONFIG = """
[ingest]
max_quarantined_share = 0.5
[privacy]
drop_sensitive = ["self_harm"]
[privacy.operators]
iban = "drop"
secret = "mask"
"""
SCRIPT = """
import sys
from pathlib import Path
from tests.span_recorder import record_spans
record_spans(Path("spans.txt"))
from flows.release import release
from schemas.errors import ReviewPendingError
export, store, config = sys.argv[1:]
options = {"store": store, "config_file": config, "tagging": {"model": "none"}, "approval": "none"}
try:
    release(exports=[export], privacy={"policy": "strict", "review": "block"}, **options)
except ReviewPendingError as error:
    print("refused:", error)
print(release(exports=[export], privacy={"policy": "strict", "review": "mask"}, **options))
"""


def plant(rng: random.Random) -> tuple[list[dict | bytes], list[str]]:
    """Sessions with invented personal data in every field that a person writes, and one line that is broken."""
    records: list[dict] = [session(n, tasks=1) for n in range(1, N + 1)]
    values: list[str] = []

    def value(kind: str) -> str:
        values.append(invent(kind, rng))
        return values[-1]

    for number, record in enumerate(records):
        task = record["tasks"][0]
        messages = task["conversations"][0]["messages"]
        kinds = [k for k in TYPES if k != "IBAN"]
        for position, message in enumerate(messages):
            kind = kinds[(number + position) % len(kinds)]
            message["content"] += f" My name is {value('PERSON')} and this is mine: {value(kind)}."
            for thought in message.get("reasons", []) + message.get("reactions", []):
                thought["content"] = f"I gave it to {value('PERSON')}, {value('EMAIL')}."
        task["task_summary"] = f"Ask {value('PERSON')} about herbs"
        record["survey"] |= {
            "occupation": f"assistant of {value('PERSON')}",
            "feedback": f"mail {value('EMAIL')}",
        }
        values.append(record["recruitment_id"])
    first = [r["tasks"][0]["conversations"][0]["messages"][0] for r in records]
    first[0]["content"] += " The box in the shed says 48291037 on top."
    first[1]["content"] += f" Transfer it to {value('IBAN')} please."
    first[2]["content"] += " Sometimes I think about suicide and cannot sleep."
    broken = f'{{"session_id": "x", "survey": "{value("EMAIL")}'.encode()
    return [*records, broken], values


@pytest.fixture(scope="module")
def finished(prefect_server, tmp_path_factory):
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL

    folder = tmp_path_factory.mktemp("leaks")
    records, values = plant(random.Random(20260601))
    (folder / "export.jsonl").write_bytes(jsonl(records))
    (folder / "config.toml").write_text(CONFIG)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *(str(folder / n) for n in ("export.jsonl", "store", "config.toml"))],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(REPO),
            "PREFECT_API_URL": prefect_server,
            "PREFECT_HOME": str(folder / "home"),
            "PREFECT_LOGGING_LEVEL": "DEBUG",
            "PREFECT_LOGGING_TO_API_ENABLED": "true",
            "THOUGHTTRACE_ID_KEY": ID_KEY,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    database = Path(str(PREFECT_API_DATABASE_CONNECTION_URL.value()).partition(":///")[2])
    messages = [
        m["content"]
        for r in records
        if isinstance(r, dict)
        for m in r["tasks"][0]["conversations"][0]["messages"]
    ]
    # what stands before the planted part of a message, too
    texts = [*messages, *(m.partition(" My name is")[0] for m in messages)]
    return {"folder": folder, "done": done, "database": database, "secrets": [*values, *texts]}


def found_in(text: str, secrets: list[str]) -> list[str]:
    folded = text.casefold()
    return [s for s in secrets if s.casefold() in folded or json.dumps(s)[1:-1].casefold() in folded]


def test_the_run_was_refused_and_then_published(finished) -> None:
    out = finished["done"].stdout
    assert "refused: 1 uncertain spans" in out
    assert "'status': 'published'" in out


def test_nothing_in_output_and_logs(finished) -> None:
    done = finished["done"]
    # the log really was written: Prefect tells at this level what each task does
    assert "scrub shard 0001" in done.stderr
    assert found_in(done.stdout + done.stderr, finished["secrets"]) == []


def test_nothing_in_the_prefect_database(finished) -> None:
    with sqlite3.connect(f"file:{finished['database']}?mode=ro", uri=True) as connection:
        tables = [n for (n,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        content = {n: str(connection.execute(f'SELECT * FROM "{n}"').fetchall()) for n in tables}
    assert "release" in content["flow_run"], "the runs are in there"
    assert len(content["artifact"]) > 100, "and their pages"
    assert {n: hits for n, text in content.items() if (hits := found_in(text, finished["secrets"]))} == {}


def test_nothing_in_the_spans(finished) -> None:
    spans = (finished["folder"] / "spans.txt").read_text()
    assert "scrub shard 0001" in spans
    assert "ReviewPendingError" in spans, "the run that was refused told its error"
    assert found_in(spans, finished["secrets"]) == []


def test_nothing_in_results_and_what_else_lies_in_the_home(finished) -> None:
    files = [p for p in (finished["folder"] / "home").rglob("*") if p.is_file()]
    hits = {p.name: found_in(p.read_bytes().decode(errors="replace"), finished["secrets"]) for p in files}
    assert {name: found for name, found in hits.items() if found} == {}


def test_nothing_in_the_private_files_that_stay(finished) -> None:
    private = finished["folder"] / "store/private"
    kept = [p for p in private.rglob("*") if p.is_file()]
    assert {p.relative_to(private).parts[0] for p in kept} >= {"registry", "review", "memo"}
    for path in kept:
        text = (
            str(pl.read_parquet(path).to_dicts())
            if path.suffix == ".parquet"
            else path.read_bytes().decode(errors="replace")
        )
        assert found_in(text, finished["secrets"]) == [], path.name


def test_operators_drop_conversations_and_the_funnel_counts_them(finished) -> None:
    release = finished["folder"] / "store/releases/v1.0.0"
    funnel = pl.read_parquet(release / "funnel/*.parquet").filter(stage="scrub")
    counts = {r["table_name"]: (r["n_in"], r["n_removed"]) for r in funnel.to_dicts()}
    assert counts["conversations"] == (N, 2)
    assert counts["participants"] == (N, 2)
    assert counts["messages"] == (4 * N, 8)
    assert json.loads((release / "privacy.json").read_text())["n_conversations_dropped"] == 2
    text = pl.read_parquet(release / "messages/*.parquet")["content"].str.join("\n").item()
    assert "<SECRET>" in text
    assert "<SECRET_1>" not in text
    assert "<IBAN" not in text


def test_feedback_is_nowhere_in_the_release(finished) -> None:
    release = finished["folder"] / "store/releases/v1.0.0"
    assert not [p for p in release.rglob("*") if p.is_file() and b'"feedback"' in p.read_bytes()]


def test_times_and_message_ids_say_the_order_and_not_the_moment(finished) -> None:
    release = finished["folder"] / "store/releases/v1.0.0"
    packed = (release / "thoughttrace.jsonl.zst").read_bytes()
    lines = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed)).read().splitlines()
    for line in lines:
        record = json.loads(line)
        assert [m["id"] for m in record["messages"]] == [0, 1, 2, 3]
        assert [m["timestamp"][10:] for m in record["messages"]] == [
            f"T00:0{s // 60}:{s % 60:02d}.000Z" for s in (0, 40, 80, 120)
        ]
        assert record["created_at"] == record["updated_at"] == "2026-04-12T00:00:00+00:00"
    started = pl.read_parquet(release / "conversations/*.parquet")["started_at"]
    assert started.dt.time().unique().to_list() == [datetime.time(0)]
    offsets = pl.read_parquet(release / "messages/*.parquet")["offset_s"]
    assert offsets.unique().sort().to_list() == [0, 40, 80, 120]


def test_recruitment_ids_and_session_keys_were_looked_for(finished) -> None:
    proof = json.loads((finished["folder"] / "store/releases/v1.0.0/privacy.json").read_text())
    assert proof["raw_ids"] == {"n_known": 2 * N, "hits": 0}


def test_masked_spans_are_listed_without_holding_anything_up(finished, monkeypatch, capsys) -> None:
    cli.register_commands()
    store = ["--store", str(finished["folder"] / "store")]
    monkeypatch.setattr(sys, "argv", ["thoughttrace", "review", "list", "--json", *store])
    assert cli.run(debug=False) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n_blocking"], {i["status"] for i in found["items"]}) == (0, {"masked"})
    monkeypatch.setattr(sys, "argv", ["thoughttrace", "review", "list", *store])
    assert cli.run(debug=False) == 0
    assert "its raw text is deleted" in capsys.readouterr().out


def test_an_audit_of_the_release_finds_nothing(finished, monkeypatch, capsys) -> None:
    cli.register_commands()
    store = str(finished["folder"] / "store")
    monkeypatch.setattr(sys, "argv", ["thoughttrace", "verify", "--audit-pii", "--json", "--store", store])
    assert cli.run(debug=False) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["pii"]["failed"]) == (True, [])
    assert not [f for f in found["pii"]["findings"] if f["is_critical"]]
    assert found["pii"]["measures"]["canary"]["structured_recall"] == 1.0
