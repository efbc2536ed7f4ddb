"""The shape of `stats.json`: what a release says about itself in numbers.

Every share is a fraction of 1; a difference of two shares is in percentage points where it is shown.
`low` and `high` are the ends of the 95 % interval, null where none can be given (fewer than two
participants, or nothing counted). A suppressed cell has `is_suppressed` true and null counts.
`schemas/stats.schema.json` is generated from this module; a test compares them.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

STATS_VERSION = "1.0.0"


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Cell(_Row):
    is_suppressed: bool = Field(
        default=False,
        description="Held back under `strict`: fewer than `min_cell`, or it would give such a cell away.",
    )
    is_held: bool = Field(
        default=False,
        description="Shows the row of an earlier release, from which this one differs by fewer than `min_cell`; "
        "unchanged rows carry the mark too.",
    )


class Method(_Row):
    """How the numbers were made."""

    resamples: int = Field(description="Bootstrap resamples over participants.")
    seed: int = Field(description="Seed of the bootstrap.")
    confidence: float = Field(description="Confidence of every interval.")
    policy: str = Field(description="Privacy policy of the release: `strict` or `as-published`.")
    min_cell: int = Field(description="Smallest count of participants shown under `strict`.")
    is_suppressing: bool = Field(description="Whether small cells are held back.")
    tokenizer: str = Field(description="Name of the tokenizer of the token counts, empty if none.")
    max_tokenized_texts: int = Field(description="Largest number of texts of a kind that are tokenized.")


class Counts(_Row):
    """Rows of the release."""

    participants: int
    conversations: int
    messages: int = Field(description="Messages of both roles: the first meaning of `turn`.")
    user_messages: int = Field(description="Messages of users: the second meaning of `turn`.")
    assistant_messages: int
    thoughts: int
    reasons: int
    reactions: int
    models: int = Field(description="Distinct names of chatbot models.")
    languages: int = Field(description="Distinct languages of conversations, `und` left out.")
    labels: int


class ModelRow(_Cell):
    """One chatbot model. Participants met one model each, so model and person effects are mixed."""

    model_name: str
    model_provider: str | None
    n_participants: int | None
    n_conversations: int | None
    n_messages: int | None
    n_user_messages: int | None
    n_reasons: int | None
    n_reactions: int | None
    median_messages: float | None


class LengthBin(_Cell):
    """Conversations of one length."""

    n_messages: int
    is_or_more: bool = Field(description="Whether longer conversations are counted here too.")
    n: int | None
    share: float | None


class Spread(_Row):
    """Distribution of one quantity; quantiles by linear interpolation, null where nothing was counted."""

    n: int | None = Field(description="Values counted.")
    mean: float | None
    p5: float | None
    q1: float | None
    median: float | None
    q3: float | None
    p90: float | None
    p95: float | None
    min: float | None
    max: float | None


class PublishedLength(_Row):
    """A published figure on another corpus, quoted and not computed here."""

    corpus: str
    median_messages: float | None
    share_of_two_messages: float | None
    source: str


class ComparedLength(_Row):
    """Messages per conversation of the corpus that the settings point at."""

    corpus: str
    n_conversations: int
    spread: Spread
    histogram: list[LengthBin]


class ConversationLength(_Row):
    """Messages per conversation, both roles counted."""

    spread: Spread
    mean_low: float | None
    mean_high: float | None
    median_low: float | None
    median_high: float | None
    histogram: list[LengthBin]
    published: list[PublishedLength]
    compared: ComparedLength | None


class LabelShare(_Cell):
    """One label of a facet."""

    value: str = Field(description="Taxonomy node id.")
    name: str = Field(description="Display name.")
    parent: str | None
    n: int | None
    share: float | None = Field(description="Share of the labels counted in this list.")
    low: float | None
    high: float | None


class TopicShare(LabelShare):
    """One topic; a conversation may have several."""

    n_conversations: int | None
    share_of_conversations: float | None = Field(
        description="Share of the conversations that have a topic label; these shares sum to more than 1."
    )
    low_of_conversations: float | None
    high_of_conversations: float | None


class GroupShare(_Cell):
    """One label within one group: a stage, a domain, a length class or a user turn."""

    group: str
    group_name: str
    base: int | None = Field(description="Labels counted in the group.")
    value: str
    name: str
    n: int | None
    share: float | None
    low: float | None
    high: float | None


class Flow(_Cell):
    """How often one label is followed by another."""

    step: str = Field(description="From which step to which: `early>mid_early`, `2>3`, or `all`.")
    from_value: str
    to_value: str = Field(description="Label of the next step, or `(end)` where the conversation ended.")
    n: int | None
    share: float | None = Field(description="Share of the flows that start at `from_value` in this step.")


class Topics(_Row):
    """Topics of conversations."""

    n_conversations: int
    n_labelled: int
    n_unlabelled: int
    n_domain_assignments: int
    n_subtopic_assignments: int
    domains: list[TopicShare]
    subtopics: list[TopicShare]


class ThoughtLabels(_Row):
    """Labels of the reasons or of the reactions."""

    facet: Literal["reason", "reaction"]
    n_thoughts: int
    n_labelled: int
    n_unlabelled: int
    labels: list[LabelShare]
    by_stage: list[GroupShare]
    by_domain: list[GroupShare]
    by_length: list[GroupShare]
    stage_flow: list[Flow]


class Relationships(_Row):
    """How user messages relate to the user message before."""

    n_user_messages: int
    n_labelled: int
    n_unlabelled: int
    with_first: list[LabelShare] = Field(description="Base: all labelled user messages.")
    without_first: list[LabelShare] = Field(description="Base: labelled user messages but first requests.")
    transitions: list[Flow] = Field(description="From one user message to the next, all turns together.")
    by_turn: list[GroupShare] = Field(description="By number of the user message, from 1.")
    turn_flow: list[Flow] = Field(description="Between user messages 1, 2, 3 and 4, ends included.")


class ThoughtsPerMessage(_Row):
    """How many messages of a role carry a thought."""

    kind: Literal["reason", "reaction"]
    n_messages: int
    n_with: int | None
    share_with: float | None
    low: float | None
    high: float | None
    mean: float | None = Field(description="Thoughts per message of the role.")
    per_message: list[int | None] = Field(description="Messages with 0, 1, 2 and 3 or more thoughts.")


class DemographicCell(_Cell):
    """Participants with one answer."""

    attribute: str
    value: str = Field(description="The answer; `(missing)` or `(other or missing)` for the rest.")
    n: int | None
    share: float | None = Field(description="Share of all participants, the missing ones included.")
    is_missing: bool


class Demographics(_Row):
    """Who took part; one participant counts once. Under `strict`, counts are rounded to 5."""

    n_participants: int
    n_without_answers: int | None
    cells: list[DemographicCell]


class TextLength(_Row):
    """Length of one kind of text in one unit."""

    text: str = Field(description="user_message, assistant_message, reason or reaction.")
    unit: str = Field(description="characters (code points), words or tokens.")
    n_texts: int = Field(description="Texts of the kind in the release.")
    spread: Spread = Field(description="`spread.n` is below `n_texts` where a sample was measured.")


class TextLengthBin(_Cell):
    """Texts whose length in characters is at least `low` and below `high`."""

    text: str
    low: int
    high: int
    n: int | None
    share: float | None


class LanguageRow(_Cell):
    """One detected language."""

    language: str
    n_conversations: int | None
    share: float | None
    n_messages: int | None
    n_participants: int | None


class RedactionRow(_Cell):
    """Redacted spans of one type."""

    type: str
    n: int | None
    share: float | None


class Redactions(_Row):
    """What the scrubber replaced."""

    n_in_messages: int | None
    n_in_thoughts: int | None
    n_messages_with: int | None
    share_of_messages_with: float | None
    low: float | None
    high: float | None
    by_type: list[RedactionRow]


class ProvenanceRow(_Cell):
    """Labels of a facet that came the same way."""

    facet: str
    source: str
    via: str
    labeller: str
    model_snapshot: str | None
    taxonomy_version: str
    n: int | None
    share: float | None = Field(description="Share of the facet's labels.")
    mean_confidence: float | None


class Labelling(_Row):
    """Where labels come from and how far they can be trusted."""

    provenance: list[ProvenanceRow]
    quality: dict[str, Any] = Field(description="Agreement with gold, as measured by the tagger.")


class CompletenessRow(_Cell):
    """How much of a nullable column is empty."""

    table: str
    column: str
    n_rows: int
    n_null: int | None = Field(description="Null values; for a list, empty ones.")
    share: float | None


class FunnelRow(_Row):
    """Row accounting of one stage and table."""

    stage: str
    table_name: str
    n_in: int
    n_out: int
    n_quarantined: int
    n_removed: int


class QuarantineRow(_Row):
    """Quarantined rows by rule."""

    stage: str
    rule: str
    n_conversations: int
    n_faults: int


class StatsDocument(_Row):
    """The whole of `stats.json`."""

    stats_version: str = STATS_VERSION
    definitions: dict[str, str] = Field(description="What each term means, in words.")
    method: Method
    counts: Counts
    models: list[ModelRow]
    conversation_length: ConversationLength
    topics: Topics
    reasons: ThoughtLabels
    reactions: ThoughtLabels
    relationships: Relationships
    thoughts_per_message: list[ThoughtsPerMessage]
    demographics: Demographics
    text_lengths: list[TextLength]
    text_length_bins: list[TextLengthBin]
    languages: list[LanguageRow]
    redactions: Redactions
    labelling: Labelling
    completeness: list[CompletenessRow]
    funnel: list[FunnelRow]
    quarantine: list[QuarantineRow]
    privacy: dict[str, Any] = Field(description="Numbers of the privacy stage, as measured there.")
    cost: dict[str, Any] = Field(description="Cost of the labels, as accounted by the tagger.")
