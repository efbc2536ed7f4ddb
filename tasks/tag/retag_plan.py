"""What a re-tag of a published release would touch and cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import polars as pl

from schemas.run import RunContext
from schemas.taxonomies import Taxonomy
from tasks.publish.releases import Release, load_release
from tasks.storage.store import open_store
from tasks.tag.budget import Budget
from tasks.tag.chosen import choose_taxonomies, released_taxonomies
from tasks.tag.gold import load_gold
from tasks.tag.retag_run import RetagPlan, plan_retag
from tasks.tag.retagger import Retagger, open_retagger
from tasks.tag.spending import describe_estimate

ITEMS = ("conversations", "messages", "thoughts", "labels")
"""Tables that a re-tag reads."""


def describe_plan(run: RunContext, version: str) -> dict[str, Any]:
    """Say what each change touches, and what the calls would cost; asks nobody.

    Raises:
        TaxonomyError: a taxonomy's changes do not explain its difference.
    """
    release, tables = load_release(open_store(run.store), version)
    plan, _ = make_plan(run, release, tables)
    return {
        "version": release.version,
        "changes": [asdict(change) for change in plan.changes],
        "estimate": describe_estimate(plan.estimate),
    }


def make_plan(
    run: RunContext, release: Release, tables: Mapping[str, pl.DataFrame], budget: Budget | None = None
) -> tuple[RetagPlan, Retagger]:
    """Plan a re-tag of a release, and open what carrying it out needs."""
    private, store = open_store(run.private), open_store(run.store)
    old = released_taxonomies(store, release.version)
    gold = load_gold(private, choose_taxonomies(store, run.taxonomy_files)).gold
    retagger = open_retagger(
        run.settings.tag, private, run.started_at, gold, budget=budget, may_ask=not run.is_dry
    )
    new = list_changed(run, release.version)
    return plan_retag(*(tables[name] for name in ITEMS), old=old, new=new, retagger=retagger), retagger


def list_changed(run: RunContext, version: str) -> list[Taxonomy]:
    """The taxonomies of this run that differ from the release's."""
    store = open_store(run.store)
    old = released_taxonomies(store, version)
    chosen = choose_taxonomies(store, run.taxonomy_files)
    return [taxonomy for facet, taxonomy in chosen.items() if taxonomy != old[facet]]
