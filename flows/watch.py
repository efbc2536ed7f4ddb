"""Look for new exports and changed taxonomies, and tell the server; a rule of its own starts the plan."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flows.events import announce_arrival
from flows.run import open_run
from flows.telling import write_summary
from tasks.storage.arrivals import find_arrivals, look_at_exports, look_at_taxonomies, swap_seen
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
    now = {"exports": look_at_exports(exports), "taxonomies": look_at_taxonomies(taxonomies)}
    before = swap_seen(open_store(run.private), now)
    arrived = {kind: find_arrivals(before.get(kind, {}), now[kind]) for kind in now}
    if arrived["exports"]:
        announce_arrival("export.arrived", arrived["exports"])
    if arrived["taxonomies"]:
        announce_arrival("taxonomy.changed", arrived["taxonomies"])
    lines = "".join(f"- `{uri}`\n" for found in arrived.values() for uri in found[:100])
    n_arrived = sum(map(len, arrived.values()))
    write_summary("arrivals", f"## {n_arrived} arrived or changed\n\n{lines}")
    return {"arrived": arrived}
