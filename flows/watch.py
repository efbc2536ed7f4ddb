"""Look for new exports and changed taxonomies, and tell the server; a rule of its own starts the plan."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.logging import get_run_logger

from flows.events import announce_arrival
from flows.run import open_run
from flows.telling import write_summary
from tasks.report.markdown import markdown_code
from tasks.storage.arrivals import find_arrivals, keep_seen, look_at_exports, look_at_taxonomies, read_seen
from tasks.storage.store import open_store


@flow(name="watch", flow_run_name="watch exports and taxonomies")
def watch_inputs(
    exports: list[str], taxonomies: list[str], store: str = "", config_file: str = ""
) -> dict[str, Any]:
    """Announce what arrived since the last look; what is there at the first look counts as known.

    Args:
        exports: Export files, folders, patterns or s3:// addresses to watch.
        taxonomies: Taxonomy files of your own to watch: files, patterns or s3:// addresses.
        store: Where releases live; empty means as the settings say.
        config_file: Settings file on the worker; empty means as the environment says.
    """
    run = open_run(store, config_file)
    private = open_store(run.private)
    seen = read_seen(private)
    before = seen.looks or {}
    found, lost = look_at_exports(exports, before.get("exports", {}))
    files, lost_files = look_at_taxonomies(taxonomies, before.get("taxonomies", {}))
    now, unseen = {"exports": found, "taxonomies": files}, [*lost, *lost_files]
    is_first = seen.looks is None
    arrived = {k: [] if is_first else find_arrivals(before.get(k, {}), now[k]) for k in now}
    # announced before it is remembered: a run that dies between the two tells it again, which does no harm
    if arrived["exports"]:
        announce_arrival("export.arrived", arrived["exports"])
    if arrived["taxonomies"]:
        announce_arrival("taxonomy.changed", arrived["taxonomies"])
    keep_seen(private, seen, now)
    if unseen:
        get_run_logger().warning("%d watched places cannot be seen now: %s", len(unseen), ", ".join(unseen))
    write_summary("arrivals", _summarise(arrived, unseen))
    return {"arrived": arrived, "unseen": unseen}


def _summarise(arrived: dict[str, list[str]], unseen: list[str]) -> str:
    lines = "".join(f"- {markdown_code(uri)}\n" for found in arrived.values() for uri in found[:100])
    lost = "".join(f"- {markdown_code(place)}\n" for place in unseen)
    return f"## {sum(map(len, arrived.values()))} arrived or changed\n\n{lines}" + (
        f"\nNothing can be seen at these places, where something was before. Is a mount or a store away? "
        f"What was known there stays known.\n\n{lost}"
        if lost
        else ""
    )
