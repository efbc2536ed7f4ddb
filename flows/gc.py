"""Delete what runs have left behind, every night."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from prefect import flow

from flows.run import open_run
from flows.telling import write_summary
from tasks.publish.gc import collect_garbage
from tasks.storage.store import open_store


@flow(name="gc", flow_run_name="delete what runs have left")
def collect_leftovers(
    everything: bool = False, grace_days: float = -1, store: str = "", config_file: str = ""
) -> dict[str, Any]:
    """Delete intermediate files, stale candidates and dead intents that are older than the grace period.

    A run that is cancelled or killed leaves files that hold text as it came; `Retry` may still need them, so
    they stay for the grace period and no longer.

    Args:
        everything: Also shards and signatures that no release refers to; takes the maintainer's rights.
        grace_days: Leave younger files alone; below 0 means as the settings say.
        store: Where releases live; empty means as the settings say.
        config_file: Settings file on the worker; empty means as the environment says.
    """
    run = open_run(store, config_file)
    days = run.settings.publish.gc_grace_days if grace_days < 0 else grace_days
    gone = collect_garbage(
        open_store(run.store),
        open_store(run.private),
        grace=timedelta(days=days),
        now=datetime.now(UTC),
        private_only=not everything,
    )
    kinds = sorted({item.why for item in gone})
    counts = {why: sum(item.why == why for item in gone) for why in kinds}
    rows = "".join(f"| {why} | {n:,} |\n" for why, n in counts.items())
    n_bytes = sum(item.info.size for item in gone)
    write_summary(
        "gc",
        f"## {len(gone):,} files deleted, {n_bytes / 1e6:,.1f} MB\n\n"
        f"Older than {days:g} days.\n\n" + (f"| what | files |\n|---|---|\n{rows}" if rows else ""),
    )
    return {"n_files": len(gone), "n_bytes": n_bytes, "counts": counts}
