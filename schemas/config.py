"""Every setting, once: name, type, default and what it does.

`flows.settings` fills this model from a TOML or YAML file, the environment (`THOUGHTTRACE_…`)
and flags, in that order of rising precedence. Unknown keys are errors.
Secrets (the id key, object-store and provider credentials) are not settings: they come from the
environment or a secret file, and are never printed.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Policy = Literal["auto", "strict", "as-published"]
ReviewMode = Literal["auto", "block", "mask"]


class Group(BaseModel):
    """A group of settings; refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class IngestSettings(Group):
    """Reading the exports."""

    max_quarantined_share: float = Field(
        default=0.02,
        ge=0,
        le=1,
        description="Share of conversations that may be quarantined before the run fails.",
    )
    max_line_mb: int = Field(
        default=64, ge=1, description="Longest line accepted, in MB; a longer one is quarantined."
    )
    max_archive_ratio: float = Field(
        default=200, ge=1, description="Largest allowed ratio of unpacked to packed size."
    )
    max_unpacked_gb: float = Field(
        default=50, gt=0, description="Largest allowed unpacked size of one file, in GB."
    )
    shard_messages: int = Field(
        default=4_000,
        ge=1,
        description="Messages per shard; a shard should take 10 to 60 s in the slowest stage.",
    )


class CustomRecognizer(Group):
    """A recogniser of the project's own, run by RE2 in linear time."""

    name: str = Field(description="Name shown in spans and in the audit table.")
    type: str = Field(default="ID", description="Type of its spans, from the closed list.")
    pattern: str = Field(description="RE2 expression; the whole match is the span.")
    score: float = Field(default=0.8, ge=0, le=1, description="Score of its spans.")
    must: tuple[str, ...] = Field(default=(), description="Examples that must match; checked at start.")
    must_not: tuple[str, ...] = Field(default=(), description="Texts that must not match; checked at start.")


Operator = Literal["replace", "mask", "drop"]
SensitiveKind = Literal["health", "self_harm", "sexual", "minors"]


class Operators(Group):
    """What happens to a span, by its type.

    `replace` puts a placeholder with a number that stays the same all through the conversation, `mask` one
    without a number, and `drop` leaves the whole conversation out of the release.
    """

    person: Operator = Field(default="replace", description="Names of people.")
    email: Operator = Field(default="replace", description="Mail addresses.")
    phone: Operator = Field(default="replace", description="Phone numbers.")
    url: Operator = Field(default="replace", description="Addresses on the web that are personal.")
    username: Operator = Field(default="replace", description="Names of accounts.")
    ip: Operator = Field(default="replace", description="IP and MAC addresses.")
    credit_card: Operator = Field(default="replace", description="Payment cards.")
    iban: Operator = Field(default="replace", description="Bank accounts.")
    ssn: Operator = Field(default="replace", description="Social security and tax numbers.")
    id: Operator = Field(default="replace", description="Record numbers, platform ids, plates.")
    address: Operator = Field(default="replace", description="Street addresses.")
    location: Operator = Field(default="replace", description="Places smaller than a large city.")
    date_of_birth: Operator = Field(default="replace", description="Dates of birth.")
    secret: Operator = Field(default="replace", description="Passwords, keys and tokens.")
    crypto: Operator = Field(default="replace", description="Wallets.")
    gps: Operator = Field(default="replace", description="Coordinates.")
    path: Operator = Field(default="replace", description="File paths that name a user.")
    other: Operator = Field(default="replace", description="Everything else, and whole texts.")

    def of(self, span_type: str) -> Operator:
        """The operator of a span type, such as `CREDIT_CARD`."""
        chosen: Operator = getattr(self, span_type.lower())
        return chosen


class PrivacySettings(Group):
    """Scrubbing, identifiers and k-anonymity."""

    policy: Policy = Field(
        default="auto",
        description="`strict`, `as-published`, or `auto`: as-published for the published dialect, strict for the others.",
    )
    review: ReviewMode = Field(
        default="auto",
        description="What to do with uncertain spans: `block` the run, `mask` them, or `auto` by policy.",
    )
    high_recall: bool = Field(
        default=False, description="Use the union of two name models: higher recall, half the speed."
    )
    mask_score: float = Field(
        default=0.5, ge=0, le=1, description="Spans with at least this score are masked."
    )
    review_score: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="Spans from this score up to `mask_score` go to the review queue.",
    )
    allow: tuple[str, ...] = Field(
        default=(), description="Strings that are never masked (products, public figures)."
    )
    recognizers: tuple[CustomRecognizer, ...] = Field(
        default=(), description="Recognisers of the project's own: study ids, site names."
    )
    deny_file: str = Field(
        default="",
        description="File of strings that are always masked, one a line; read at every run, never stored. `thoughttrace review deny` keeps keyed digests of them instead.",
    )
    operators: Operators = Operators()
    drop_sensitive: tuple[SensitiveKind, ...] = Field(
        default=(),
        description="Kinds of sensitive content whose conversations are dropped (health, self_harm, sexual, minors).",
    )
    k: int = Field(
        default=5, ge=1, description="Smallest number of participants that share a combination of attributes."
    )
    min_cell: int = Field(default=10, ge=1, description="Smallest count shown in a published statistic.")

    @model_validator(mode="after")
    def _check_scores(self) -> PrivacySettings:
        # the other way round, masking what is uncertain would mask less than not to
        if self.review_score > self.mask_score:
            raise ValueError("review_score must not be above mask_score")
        return self


class TagSettings(Group):
    """Topic and category labels."""

    model: str = Field(
        default="local",
        description="`local` (embedded, no network), `lexical` (no model at all), `none`, or any litellm model; a comma list is a fallback order.",
    )
    budget_usd: float = Field(
        default=0.0, ge=0, description="Hard limit for provider calls in USD; 0 means no paid call at all."
    )
    allow_unpriced: bool = Field(
        default=False, description="Run models whose price is unknown (counted as 0)."
    )
    concurrency: int = Field(default=64, ge=1, le=1024, description="Calls in flight at most.")
    requests_per_minute: int = Field(
        default=0, ge=0, description="Provider's limit on requests; 0 means none known."
    )
    tokens_per_minute: int = Field(
        default=0, ge=0, description="Provider's limit on tokens; 0 means none known."
    )
    timeout_s: float = Field(default=60, gt=0, description="Longest wait for one answer, in seconds.")
    abstain_below: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="Local labels below this confidence are withheld and queued for review.",
    )
    cascade: bool = Field(default=False, description="Ask the LLM only where the local head is unsure.")
    cascade_above: float = Field(
        default=0.8, ge=0, le=1, description="With `cascade`: trust the local head from this confidence."
    )
    canaries: bool = Field(
        default=True,
        description="Ask a provider about items of our own whenever its model's snapshot is new: about a dozen calls.",
    )
    batch_from: int = Field(
        default=0,
        ge=0,
        description="Calls from which the provider's batch API is used where it has one: half the price, up to a day; 0 never.",
    )
    batch_poll_s: float = Field(default=60, gt=0, description="Seconds between two looks at a batch.")
    batch_hours: float = Field(default=25, gt=0, description="Longest wait for a batch, in hours.")
    weights_dir: str = Field(
        default="", description="Folder with the embedding model; takes precedence over the packaged one."
    )
    replay: bool = Field(default=False, description="Answer from the memo only; a missing entry is an error.")
    relabel_unknown: bool = Field(
        default=False,
        description="Ask the model where an export's label is not in the taxonomy; otherwise such an item stays without a label.",
    )


class StatsSettings(Group):
    """Statistics."""

    resamples: int = Field(default=2_000, ge=100, description="Bootstrap resamples over participants.")
    seed: int = Field(default=20260501, description="Seed of the bootstrap.")
    compare_to: str = Field(
        default="", description="A second corpus (WildChat or LMSYS-Chat-1M Parquet) to draw beside this one."
    )


class EvaluateSettings(Group):
    """The research suites; limits on requests and tokens are those of `tag`."""

    model: str = Field(
        default="local",
        description="Model that predicts or rewrites: `local` (stands in offline) or any litellm model; a comma list runs several, which judge each other unless `judge` is set.",
    )
    judge: str = Field(
        default="",
        description="Model that judges, never the one that predicted; a comma list measures how far judges agree. Empty: the other models, or the local judges.",
    )
    embedding_model: str = Field(
        default="local",
        description="Model of the sentence vectors: `local` (embedded) or any litellm embedding model.",
    )
    budget_usd: float = Field(
        default=0.0,
        ge=0,
        description="Hard limit for the calls of one evaluation in USD; 0 means no paid call.",
    )
    limit: int = Field(
        default=0,
        ge=0,
        description="Items at most, drawn by a hash of their ids; 0 means all.",
    )
    hypotheses: int = Field(
        default=4, ge=2, le=10, description="Hypotheses weighed for each thought by the method `autotom`."
    )
    autotom: Literal["pick", "average"] = Field(
        default="pick",
        description="How `autotom` ends: `pick` the likeliest hypothesis, or `average` the scores of all by their weight.",
    )
    min_quality: int = Field(
        default=4, ge=1, le=5, description="Lowest quality of a thought that `next-message` shows to a model."
    )
    resamples: int = Field(default=2_000, ge=100, description="Bootstrap resamples over participants.")
    seed: int = Field(default=20260501, description="Seed of bootstrap, permutations and folds.")


class GateSettings(Group):
    """The comparison with the last release."""

    policy_file: str = Field(
        default="", description="YAML with bands and severities; empty means the one that ships."
    )
    max_removed_share: float = Field(
        default=0.01,
        ge=0,
        le=1,
        description="Share of the last release's conversations that may vanish without `--allow-removals`.",
    )


class PublishSettings(Group):
    """Writing to the store."""

    zstd_level: int = Field(default=6, ge=1, le=19, description="Compression level of release files.")
    row_group_rows: int = Field(default=20_000, ge=1_000, description="Rows in a Parquet row group.")
    bucket_count: int = Field(
        default=0, ge=0, description="Participant buckets per time partition; 0 chooses by size."
    )
    single_writer: bool = Field(
        default=False,
        description="Publish to a store without conditional writes; you promise that nobody else publishes.",
    )
    signing_key_file: str = Field(
        default="", description="Ed25519 secret key in minisign format; empty leaves releases unsigned."
    )
    gc_grace_days: float = Field(
        default=7, ge=0, description="Age from which unreferenced and intermediate files may be deleted."
    )


class ReportSettings(Group):
    """The report and the metadata."""

    title: str = Field(default="ThoughtTrace", description="Name of the dataset in report and card.")
    license: str = Field(default="cc-by-4.0", description="Licence id of the released data.")
    contact: str = Field(
        default="", description="Where participants and readers write to, e.g. for a withdrawal."
    )
    authors: tuple[str, ...] = Field(
        default=(), description="Who is cited as the authors; empty cites the maintainers of the dataset."
    )
    url: str = Field(default="", description="Home page of the dataset, for card, Croissant and citation.")
    max_explorer_conversations: int = Field(
        default=200, ge=0, description="Conversations in the report's explorer."
    )
    show_published: bool = Field(
        default=True, description="Draw the ThoughtTrace paper's values beside this release's."
    )


class RunSettings(Group):
    """How a run is carried out."""

    task_runner: Literal["threads", "processes", "dask", "ray"] = Field(
        default="threads", description="Where tasks run."
    )
    task_runner_address: str = Field(default="", description="Address of a standing Dask or Ray cluster.")
    workers: int = Field(default=2, ge=1, description="Shards worked on at the same time.")
    reports_url: str = Field(
        default="",
        description="Web address of `python -m deployments.reports`, for links on form and run pages.",
    )
    scratch_dir: str = Field(default="", description="Folder for temporary files; empty means the system's.")


class Settings(Group):
    """All settings of a run."""

    store: str = Field(default="", description="Where releases live: a folder or `s3://bucket/prefix`.")
    private_store: str = Field(
        default="", description="Where private files live; empty means `private/` in the store."
    )
    ingest: IngestSettings = IngestSettings()
    privacy: PrivacySettings = PrivacySettings()
    tag: TagSettings = TagSettings()
    stats: StatsSettings = StatsSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    gate: GateSettings = GateSettings()
    publish: PublishSettings = PublishSettings()
    report: ReportSettings = ReportSettings()
    run: RunSettings = RunSettings()
