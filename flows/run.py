"""The frame of a run: settings resolved once, places, policy and task runner."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from prefect.runtime import flow_run
from pydantic import BaseModel

from flows.settings import resolve_settings
from schemas.errors import UsageError
from schemas.params import EvaluationOptions, PrivacyOptions, PublishingOptions, TaggingOptions
from schemas.run import AppliedPolicy, RunContext


def open_run(
    store: str = "",
    config_file: str = "",
    *,
    privacy: PrivacyOptions | None = None,
    tagging: TaggingOptions | None = None,
    publishing: PublishingOptions | None = None,
    evaluation: EvaluationOptions | None = None,
) -> RunContext:
    """Resolve settings and places of a run; parameters win over environment and file.

    Raises:
        ConfigError: a setting is unknown or wrong.
        UsageError: no store is given anywhere.
    """
    flags: dict[str, Any] = {"store": store or None}
    if privacy:
        flags |= {"privacy.policy": privacy.policy or None, "privacy.review": privacy.review or None}
    if tagging:
        flags |= {
            "tag.model": tagging.model or None,
            "tag.budget_usd": None if tagging.budget_usd < 0 else tagging.budget_usd,
            "tag.allow_unpriced": tagging.allow_unpriced or None,
            "tag.replay": tagging.replay or None,
        }
    if publishing:
        flags |= {"publish.single_writer": publishing.single_writer or None}
    if evaluation:
        flags |= {
            "evaluate.model": evaluation.model or None,
            "evaluate.judge": evaluation.judge or None,
            "evaluate.embedding_model": evaluation.embedding_model or None,
            "evaluate.budget_usd": None if evaluation.budget_usd < 0 else evaluation.budget_usd,
            "evaluate.limit": None if evaluation.limit < 0 else evaluation.limit,
            "tag.allow_unpriced": evaluation.allow_unpriced or None,
        }
    settings = resolve_settings(config_file or None, flags).settings
    if not settings.store:
        raise UsageError("no store given: use --store, THOUGHTTRACE_STORE or `store` in the settings file")
    private = settings.private_store or f"{settings.store.rstrip('/')}/private"
    return RunContext(
        store=settings.store,
        private=private,
        settings=settings,
        started_at=datetime.now(UTC),
    )


def choose_policy(run: RunContext, dialects: Iterable[str]) -> AppliedPolicy:
    """Decide the privacy policy: as set, else `as-published` only for data that is public already."""
    policy = run.settings.privacy.policy
    if policy != "auto":
        return policy
    return "as-published" if set(dialects) == {"published"} else "strict"


def describe_call() -> dict[str, Any]:
    """The flow that is going on and its parameters as plain values: what a repetition needs."""
    parameters = {
        name: value.model_dump() if isinstance(value, BaseModel) else value
        for name, value in flow_run.parameters.items()
        if name not in {"approval", "approved_by"}
    }
    return {"flow": flow_run.flow_name, "parameters": parameters}
