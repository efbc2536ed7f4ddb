"""Canaries in a shadow copy: the same ones in every release, read once, a part of them always anew."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from schemas.config import Settings
from schemas.errors import InternalError
from schemas.run import RunContext, StagedExports, TableSet
from tasks.ingest.task import read_exports
from tasks.pseudonymise.task import assign_public_ids
from tasks.scrub.canary import choose_conversations
from tasks.scrub.scrubber import Scrubber
from tasks.scrub.shadow import CANARY_MEMO, prove_by_canaries
from tasks.storage.store import Store, open_store
from tasks.synth.export import generate, write_export

KEY = b"m" * 32


@pytest.fixture(scope="module")
def staged(tmp_path_factory) -> tuple[RunContext, Store, StagedExports, TableSet]:
    folder = tmp_path_factory.mktemp("shadow")
    write_export(generate(6, 3, "published", short=True), folder / "export.jsonl")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THOUGHTTRACE_ID_KEY", "k" * 40)
        run = _run_at(folder, 1)
        staged = read_exports.fn(run, [str(folder / "export.jsonl")])
        ids = assign_public_ids.fn(run, staged)
    return run, open_store(run.private), staged, ids


def _run_at(folder: Path, day: int) -> RunContext:
    started = datetime(2026, 1, day, tzinfo=UTC)
    return RunContext(str(folder / "store"), str(folder / "store/private"), Settings(), started)


def _count_read(scrubber: Scrubber, monkeypatch) -> list[str]:
    read: list[str] = []
    detect = scrubber._detector.detect
    monkeypatch.setattr(scrubber._detector, "detect", lambda texts: read.extend(texts) or detect(texts))
    return read


def test_a_second_proof_reads_a_tenth_and_says_the_same(staged, scrubber, monkeypatch) -> None:
    run, private, exports, ids = staged
    read = _count_read(scrubber, monkeypatch)
    first = prove_by_canaries(run, private, exports, ids, scrubber, KEY)
    n_first = len(read)
    read.clear()
    later = _run_at(Path(run.store).parent, 2)
    assert prove_by_canaries(later, private, exports, ids, scrubber, KEY) == first
    assert 0 < len(read) < 0.3 * n_first
    assert first["structured"]["recall"] == 1.0


def test_a_changed_memory_is_noticed(staged, scrubber, monkeypatch) -> None:
    run, private, exports, ids = staged
    monkeypatch.setattr("tasks.scrub.shadow.READ_ANEW", 1)
    prove_by_canaries(run, private, exports, ids, scrubber, KEY)
    for info in private.list(f"{CANARY_MEMO}/"):
        with (Path(run.private) / info.key).open("r+b") as file:
            frame = pl.read_parquet(file)
            file.seek(0)
            file.truncate()
            # as if nothing had been found in any text
            frame.with_columns(spans=pl.lit("[]")).write_parquet(file)
    with pytest.raises(InternalError, match="planted texts, read anew, were remembered differently"):
        prove_by_canaries(run, private, exports, ids, scrubber, KEY)


def test_a_few_new_conversations_change_few_of_the_chosen() -> None:
    ids = pl.Series([f"conversation{n}" for n in range(5000)])
    before, after = (set(choose_conversations(part)) for part in (ids[:4950], ids))
    assert len(before) == len(after) == 200
    assert len(before - after) < 10
    assert set(choose_conversations(ids.shuffle(7))) == after
