"""Parameters of the flows, as the Prefect UI shows them and the command line fills them.

An empty value means "as the settings say" (`schemas.config`). No secret and no raw id is a parameter.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Bump = Literal["auto", "major", "minor", "patch"]
"""The step from one version of the data to the next; `auto` follows from what changed."""


class Options(BaseModel):
    """A box in the form; refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid")


class SourceOptions(Options):
    """Which conversations go in."""

    append: bool = Field(
        default=False,
        title="Append to the latest release",
        description="Start from the latest release and add or replace conversations by id. "
        "Otherwise the exports given are the whole truth.",
    )
    allow_removals: bool = Field(
        default=False,
        title="Allow removals",
        description="Let conversations of the last release vanish beyond the set share.",
    )


class PrivacyOptions(Options):
    """How personal data is treated."""

    policy: Literal["", "auto", "strict", "as-published"] = Field(
        default="",
        title="Privacy policy",
        description="`strict` for raw exports, `as-published` for data that is public already; "
        "`auto` chooses by dialect; empty means as the settings say.",
    )
    review: Literal["", "auto", "block", "mask"] = Field(
        default="",
        title="Uncertain spans",
        description="`block` stops the run until a person has decided, `mask` masks and lists them; "
        "empty means as the settings say.",
    )


class TaggingOptions(Options):
    """Which model labels, and what it may cost."""

    model: str = Field(
        default="",
        title="Model",
        description="`local` (embedded, free), `none`, or a litellm model name; a comma list is a fallback order; "
        "empty means as the settings say.",
    )
    budget_usd: float = Field(
        default=-1,
        ge=-1,
        title="Budget in USD",
        description="Hard limit for provider calls of this run; -1 means as the settings say.",
    )
    allow_unpriced: bool = Field(
        default=False, title="Allow unpriced models", description="Run a model whose price is unknown."
    )
    replay: bool = Field(
        default=False,
        title="Replay",
        description="Answer from the memo only; a missing answer fails the run.",
    )


class PublishingOptions(Options):
    """What the release is called and who lets it out."""

    bump: Bump = Field(
        default="auto", title="Version step", description="`auto` proposes it from what changed."
    )
    set_version: str = Field(
        default="",
        title="Version",
        description="Exact version such as v1.4.0; empty means the next one.",
        pattern=r"^(v\d+\.\d+\.\d+)?$",
    )
    single_writer: bool = Field(
        default=False,
        title="Single writer",
        description="Publish to a store without conditional writes; nobody else may publish meanwhile.",
    )
    dry_run: bool = Field(
        default=False,
        title="Dry run",
        description="Do everything but stage and publish; shows what would change.",
    )


SuiteName = Literal[
    "semantic-shift",
    "thought-inference",
    "next-message",
    "alignment-pairs",
    "thought-dynamics",
]
"""The research suites."""

MethodName = Literal["", "direct", "autotom"]
"""How a suite predicts, where it knows several ways; empty means its usual one."""


class EvaluationOptions(Options):
    """Which models answer and judge, and what it may cost."""

    method: MethodName = Field(
        default="",
        title="Method",
        description="For thought-inference: `direct`, or `autotom` (both on the same items, compared).",
    )
    model: str = Field(
        default="",
        title="Model",
        description="Model that predicts: `local` or a litellm model; a comma list runs several.",
    )
    judge: str = Field(
        default="",
        title="Judge",
        description="Model that judges, another than the one that predicts; a comma list uses several.",
    )
    embedding_model: str = Field(
        default="",
        title="Embedding model",
        description="For semantic-shift: `local` or a litellm embedding model.",
    )
    budget_usd: float = Field(
        default=-1,
        ge=-1,
        title="Budget in USD",
        description="Hard limit for the calls of this evaluation; -1 means as the settings say.",
    )
    allow_unpriced: bool = Field(
        default=False, title="Allow unpriced models", description="Run a model whose price is unknown."
    )
    limit: int = Field(
        default=-1,
        ge=-1,
        title="Items at most",
        description="Evaluate a part of the items, drawn by a hash of their ids; -1 means as the settings say, 0 all.",
    )
