"""What a run leaves on its page in the Prefect UI: a summary and its progress, in counts only."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.client.orchestration import get_client
from prefect.context import FlowRunContext

from tasks.report.markdown import markdown_code, markdown_text

FOUND_S = 0.5
"""Seconds in which a shard that was finished before is surely found."""

UNKNOWN_VERSION = "next version"
"""Stands in a run's name until the version is known."""


def write_summary(name: str, markdown: str) -> None:
    """Attach a Markdown page to the run.

    Args:
        name: groups the pages of several runs; any text.
        markdown: counts, verdicts and places; never conversation text.
    """
    if FlowRunContext.get() is None:
        return
    key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    create_markdown_artifact(markdown, key=key, description=markdown.splitlines()[0].lstrip("# "))


def tell(outcome: dict[str, Any]) -> dict[str, Any]:
    """Leave the outcome of a release run on its page, and return it."""
    write_summary(f"release-{outcome['version']}", summarise_outcome(outcome))
    _name_run(outcome["version"])
    return outcome


def _name_run(version: str) -> None:
    """Put the version into the run's name, which is given before the version is known."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None or UNKNOWN_VERSION not in context.flow_run.name:
        return
    name = context.flow_run.name.replace(UNKNOWN_VERSION, version)
    with get_client(sync_client=True) as client:
        client.update_flow_run(context.flow_run.id, name=name)


def summarise_outcome(outcome: Mapping[str, Any]) -> str:
    """Say in a screen what a release run did: status, counts, labels, gate and where the files are."""
    counts = "".join(f"| {name} | {value:,} |\n" for name, value in outcome.get("counts", {}).items())
    places = "".join(f"- {name}: {markdown_code(place)}\n" for name, place in outcome["places"].items())
    parts = [f"## {outcome['version']} {outcome['status']}\n\nPolicy {outcome['policy']}."]
    if outcome.get("why"):
        parts.append(f"Reason: {markdown_text(outcome['why'])}")
    if counts:
        parts.append(f"| what | count |\n|---|---|\n{counts}")
        warnings = outcome["gate"]["warnings"]
        parts.append(
            f"Gate: {'passed' if outcome['gate']['passed'] else 'failed'}, {len(warnings)} warnings. "
            f"Cost: {outcome['cost'].get('usd', 0):.2f} USD."
        )
    if outcome.get("report_url"):
        parts.append(f"**[Report of {outcome['version']}]({outcome['report_url']})**")
    if places:
        parts.append(places)
    return "\n\n".join(parts) + "\n"


class ShardProgress:
    """A progress bar on the run's page for a step that takes its time; nothing outside a flow run."""

    def __init__(self, step: str, total: int) -> None:
        """Remember when the step began; a step of one shard has no bar."""
        self._description = f"{step}: {total} shards"
        self._total = total
        self._began = time.monotonic()
        self._is_shown = total > 1 and FlowRunContext.get() is not None
        self._id: UUID | None = None

    def done(self, n_done: int) -> None:
        """Move the bar, which appears with the first shard that took longer than finding a finished one."""
        if not self._is_shown:
            return
        progress = 100 * n_done / self._total
        if self._id is not None:
            update_progress_artifact(self._id, progress=progress)
        elif time.monotonic() - self._began > FOUND_S * n_done:
            # called outside an event loop it is no coroutine
            self._id = cast("UUID", create_progress_artifact(progress, description=self._description))
