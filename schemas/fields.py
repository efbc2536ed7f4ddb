"""Every column of every table, once.

The pandera models (`schemas.tables`), the Arrow schemas of the Parquet files, the data dictionary,
the dataset card and the Croissant description are generated from this module; a contract test
compares them. Three layers: `staged` (between ingest and scrub: raw text, private, never released),
`clean` (after scrub and pseudonymise: private, no raw text) and `release` (published).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import polars as pl
import pyarrow as pa

SCHEMA_VERSION = "1.0.0"

DType = Literal["string", "int32", "int64", "float64", "bool", "timestamp", "date", "list<string>"]
Layer = Literal["staged", "clean", "release"]

_POLARS: Mapping[str, pl.DataType] = {
    "string": pl.String(),
    "int32": pl.Int32(),
    "int64": pl.Int64(),
    "float64": pl.Float64(),
    "bool": pl.Boolean(),
    "timestamp": pl.Datetime("us", "UTC"),
    "date": pl.Date(),
    "list<string>": pl.List(pl.String()),
}
_ARROW: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "list<string>": pa.list_(pa.string()),
}


def name_of_arrow(dtype: pa.DataType) -> str:
    """Our name of an Arrow type; raises `KeyError` for a type that no column has."""
    # readers rename the item of a list, so lists are known by what they hold
    name = "list<string>" if pa.types.is_list(dtype) and pa.types.is_string(dtype.value_type) else None
    for known, arrow in _ARROW.items():
        if name == known or arrow == dtype:
            return known
    raise KeyError(str(dtype))


@dataclass(frozen=True, slots=True)
class Field:
    """One column.

    Attributes:
        name: column name; the same quantity in the same unit has the same name everywhere.
        dtype: one of the closed list of types above.
        description: one sentence for a reader of the data dictionary.
        nullable: whether null is a legal value (its meaning is then in the description).
        unit: unit of a quantity, else None.
        values: closed set of legal values, else empty.
        is_free_text: written by a person or a model; such columns are scrubbed and never gated on.
        since: schema version that introduced the column.
        source: where the value comes from.
    """

    name: str
    dtype: DType
    description: str
    nullable: bool = False
    unit: str | None = None
    values: tuple[str, ...] = ()
    is_free_text: bool = False
    since: str = "1.0.0"
    source: str = "export"


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns in order, its key and the order of its rows."""

    name: str
    layer: Layer
    description: str
    primary_key: tuple[str, ...]
    fields: tuple[Field, ...]
    foreign_keys: tuple[tuple[str, str], ...] = ()
    """Pairs of column and `table.column` that it must be found in."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(f.name for f in self.fields)

    @property
    def free_text(self) -> tuple[str, ...]:
        """Names of the columns that hold text written by a person or a model."""
        return tuple(f.name for f in self.fields if f.is_free_text)

    def polars_schema(self) -> pl.Schema:
        """Column name to polars dtype."""
        return pl.Schema({f.name: _POLARS[f.dtype] for f in self.fields})

    def arrow_schema(self) -> pa.Schema:
        """Arrow schema with nullability and the description in each field's metadata."""
        return pa.schema(
            [
                pa.field(
                    f.name,
                    _ARROW[f.dtype],
                    nullable=f.nullable,
                    metadata={"description": f.description, **({"unit": f.unit} if f.unit else {})},
                )
                for f in self.fields
            ],
            metadata={"table": self.name, "schema_version": SCHEMA_VERSION},
        )

    def empty(self) -> pl.DataFrame:
        """The table with no rows and its full schema."""
        return pl.DataFrame(schema=self.polars_schema())


ROLES = ("user", "assistant")
KINDS = ("reason", "reaction")
STAGES = ("early", "mid_early", "mid_late", "late")
SPLITS = ("train", "validation", "test")
FACETS = ("topic", "relationship", "reason", "reaction")
LABEL_SOURCES = ("human", "export", "model")
LABEL_VIAS = ("direct", "mapped", "carried")
DIALECTS = ("published", "flat-study", "session")

_PARTICIPANT_ID = Field("participant_id", "string", "Public id of the participant, stable across releases.")
_CONVERSATION_ID = Field(
    "conversation_id", "string", "Public id of the conversation, stable across releases."
)
_MESSAGE_ID = Field("message_id", "string", "Public id of the message: conversation id and position.")
_POSITION = Field("position", "int32", "Position of the message in the conversation, from 0.")
_ROLE = Field("role", "string", "Who wrote the message.", values=ROLES)
_KIND = Field(
    "kind", "string", "A reason stands on a user message, a reaction on an assistant message.", values=KINDS
)
_LANGUAGE = Field(
    "language",
    "string",
    "Detected language, ISO 639-1; `und` where it cannot be judged.",
    source="scrub",
)
_N_REDACTIONS = Field(
    "n_redactions", "int32", "Spans that the scrubber replaced in this row.", unit="spans", source="scrub"
)
_OFFSET_S = Field(
    "offset_s",
    "float64",
    "Time since the conversation's first message.",
    unit="s",
)
_SPLIT = Field(
    "split",
    "string",
    "Suggested split, by a keyed hash of the participant; a participant never changes split.",
    values=SPLITS,
    source="pseudonymise",
)
_MODEL_NAME = Field("model_name", "string", "Display name of the chatbot's model, as exported.")
_MODEL_PROVIDER = Field(
    "model_provider", "string", "Company behind the model; null where the export does not say.", nullable=True
)
_TASK_NO = Field(
    "task_no",
    "int32",
    "Which of the participant's tasks this conversation belongs to, as numbered in its id.",
)
_TASK_SUMMARY = Field(
    "task_summary",
    "string",
    "The participant's one-line summary of the task.",
    nullable=True,
    is_free_text=True,
)
_TASK_EXPECTATION = Field(
    "task_expectation",
    "string",
    "What the participant expected of the conversation.",
    nullable=True,
    is_free_text=True,
)
_CONTENT = Field("content", "string", "The text.", is_free_text=True)

_SURVEY = tuple(
    Field(
        f"survey_{name}",
        "string",
        text,
        nullable=True,
        is_free_text=name in {"gender", "occupation", "purposes"},
    )
    for name, text in (
        ("age", "Age as typed."),
        ("gender", "Gender as chosen or typed."),
        ("education", "Education as chosen."),
        ("occupation", "Occupation as typed."),
        ("frequency", "Frequency of chatbot use, 1 (never) to 5 (daily), as chosen."),
        ("purposes", "What the participant uses chatbots for, as typed."),
    )
)

STAGED_CONVERSATIONS = Table(
    "staged_conversations",
    "staged",
    "One row a conversation as exported.",
    ("conversation_key",),
    (
        Field("conversation_key", "string", "`<dialect>:<source id>`."),
        Field("participant_key", "string", "`<dialect>:<source id of the participant>`."),
        Field("recruitment_id", "string", "Recruitment platform's id, session dialect only.", nullable=True),
        Field("dialect", "string", "Dialect of the export.", values=DIALECTS),
        Field("source_id", "string", "Id of the conversation in the export."),
        Field(
            "session_key", "string", "Study session shared by several tasks, where exported.", nullable=True
        ),
        Field("file", "string", "Name of the input file.", source="ingest"),
        Field("file_sha256", "string", "Digest of the input file.", source="ingest"),
        Field("line", "int64", "Line in the input file, from 1.", source="ingest"),
        Field("byte_offset", "int64", "Where the line starts, unpacked.", unit="bytes", source="ingest"),
        Field("n_bytes", "int64", "Length of the line.", unit="bytes", source="ingest"),
        Field("line_sha256", "string", "Digest of the line.", source="ingest"),
        _TASK_NO,
        Field("conversation_no", "int32", "Number of the conversation within its task."),
        _MODEL_NAME,
        _MODEL_PROVIDER,
        Field("created_at", "timestamp", "Start of the study session."),
        Field("updated_at", "timestamp", "End of the study session."),
        Field("created_at_text", "string", "`created_at` as written."),
        Field("updated_at_text", "string", "`updated_at` as written."),
        _TASK_SUMMARY,
        _TASK_EXPECTATION,
        Field("has_survey", "bool", "Whether the record carries survey answers."),
        *_SURVEY,
    ),
)
STAGED_MESSAGES = Table(
    "staged_messages",
    "staged",
    "One row a message as exported.",
    ("conversation_key", "position"),
    (
        Field("conversation_key", "string", "Conversation of the message."),
        _POSITION,
        _ROLE,
        _CONTENT,
        Field("created_at", "timestamp", "When the message was sent."),
        Field("timestamp_text", "string", "The time as written."),
        Field(
            "source_message_id",
            "int64",
            "Clock of the exporting platform in ms; leaks the exact time.",
            nullable=True,
        ),
    ),
    (("conversation_key", "staged_conversations.conversation_key"),),
)
STAGED_THOUGHTS = Table(
    "staged_thoughts",
    "staged",
    "One row a reason or reaction as exported.",
    ("conversation_key", "position", "ordinal"),
    (
        Field("conversation_key", "string", "Conversation of the thought."),
        replace(_POSITION, description="Position of the message that the thought stands on."),
        Field("ordinal", "int32", "Number of the thought on its message, from 0."),
        _KIND,
        _CONTENT,
        Field("created_at", "timestamp", "When the thought was written."),
        Field("timestamp_text", "string", "The time as written."),
        Field(
            "label",
            "string",
            "Label that came with the export, normalised; null where none did.",
            nullable=True,
        ),
    ),
    (("conversation_key", "staged_conversations.conversation_key"),),
)


def _clean(staged: Table, name: str, extra: tuple[Field, ...]) -> Table:
    return replace(
        staged,
        name=name,
        layer="clean",
        description=f"{staged.description} Scrubbed.",
        fields=staged.fields + extra,
        foreign_keys=(),
    )


CLEAN_CONVERSATIONS = _clean(
    STAGED_CONVERSATIONS, "clean_conversations", (_CONVERSATION_ID, _PARTICIPANT_ID, _LANGUAGE, _N_REDACTIONS)
)
_SENSITIVE = Field(
    "sensitive",
    "list<string>",
    "Kinds of sensitive content flagged: health, self_harm, sexual, minors.",
    source="scrub",
)
CLEAN_MESSAGES = _clean(
    STAGED_MESSAGES, "clean_messages", (_CONVERSATION_ID, _LANGUAGE, _N_REDACTIONS, _SENSITIVE)
)
CLEAN_THOUGHTS = _clean(STAGED_THOUGHTS, "clean_thoughts", (_CONVERSATION_ID, _N_REDACTIONS))

_TEXT_FOR_REVIEW = Field("text", "string", "Scrubbed text of the item.", is_free_text=True, source="scrub")

QUARANTINE = Table(
    "quarantine",
    "staged",
    "One row a fault found in an export; holds places and rules, no text.",
    ("file_sha256", "line", "pointer", "rule"),
    (
        Field("file", "string", "Name of the input file."),
        Field("file_sha256", "string", "Digest of the input file."),
        Field("line", "int64", "Line in the file, from 1; 0 for the file as a whole."),
        Field("byte_offset", "int64", "Where the line starts.", unit="bytes"),
        Field("n_bytes", "int64", "Length of the line.", unit="bytes"),
        Field("line_sha256", "string", "Digest of the line."),
        Field("conversation_key", "string", "Conversation, where it could be read.", nullable=True),
        Field("pointer", "string", "JSON pointer to the faulty value."),
        Field("rule", "string", "Name of the rule that was broken."),
        Field("message", "string", "What the rule says; never the value."),
        Field("stage", "string", "Stage that found it.", values=("ingest", "validate", "scrub", "privacy")),
    ),
)

TAG_OUTCOMES = Table(
    "tag_outcomes",
    "staged",
    "Items without a label and why: abstentions, failures, and items nobody was asked about; no text.",
    ("item_id", "facet"),
    (
        Field("item_id", "string", "Conversation, user message or thought."),
        Field("facet", "string", "Which question has no answer.", values=FACETS),
        Field("outcome", "string", "What happened.", values=("abstained", "failed", "not_asked")),
        Field("error", "string", "Named reason, e.g. `no_text`, `unknown_export_label`, `bad_json`."),
        Field("labeller", "string", "Who was asked; empty where nobody was."),
        Field("n_attempts", "int32", "Answers asked for.", unit="calls"),
    ),
)
LABEL_REVIEW = Table(
    "label_review",
    "staged",
    "Labels that a person should look at, the most useful first; holds scrubbed text.",
    ("item_id", "facet"),
    (
        Field("item_id", "string", "Conversation, user message or thought."),
        Field("facet", "string", "Which question.", values=FACETS),
        Field("value", "string", "Label given; null where none was.", nullable=True),
        Field("second_value", "string", "What the other labeller or the runner-up says.", nullable=True),
        Field("why", "string", "Why it is queued: disagreement, unsure, rare, taxonomy_change."),
        Field("confidence", "float64", "Probability of the label; null where none is known.", nullable=True),
        Field("priority", "float64", "Rank in the queue; higher first."),
        _TEXT_FOR_REVIEW,
        replace(
            _TEXT_FOR_REVIEW,
            name="context",
            description="Scrubbed text that the item stands on; empty where none is needed.",
        ),
        replace(_CONVERSATION_ID, description="Public id of the item's conversation."),
        replace(
            _POSITION, description="Position of the message, from 0; null for a conversation.", nullable=True
        ),
        Field(
            "n_messages",
            "int32",
            "Messages of the conversation; null if unknown.",
            nullable=True,
            unit="messages",
        ),
        Field("decision", "string", "Node id a person chose; null while open.", nullable=True),
        Field("reviewer", "string", "Who decided; null while open.", nullable=True),
    ),
)
GOLD_LABELS = Table(
    "gold_labels",
    "staged",
    "Labels that are taken as right, with scrubbed text, to fit and measure the taggers.",
    ("gold_id", "facet", "value"),
    (
        Field("gold_id", "string", "Digest of text, context and position."),
        Field("facet", "string", "Which question the label answers.", values=FACETS),
        Field("value", "string", "Taxonomy node id."),
        Field("group_id", "string", "Digest of the conversation: items of one are never split."),
        replace(_TEXT_FOR_REVIEW, description="Scrubbed text of the item."),
        replace(
            _TEXT_FOR_REVIEW,
            name="context",
            description="Scrubbed text that the item stands on; empty where none is needed.",
        ),
        Field("position", "int32", "Position of the message, from 0; null if unknown.", nullable=True),
        Field(
            "n_messages",
            "int32",
            "Messages of the conversation; null if unknown.",
            nullable=True,
            unit="messages",
        ),
        Field("origin", "string", "Where the label comes from: `export` or a reviewer."),
        Field("item_id", "string", "Item that a person decided on; null for imported gold.", nullable=True),
    ),
)
LABEL_MEMO = Table(
    "label_memo",
    "staged",
    "Answers of models that were paid for, by the digest of the question; no text.",
    ("key",),
    (
        Field("key", "string", "Digest of text, context, decision set, prompt, model, parameters, schema."),
        Field(
            "text_key", "string", "Digest of the item's own text: whose entry it is, once a person withdraws."
        ),
        Field("facet", "string", "Which question.", values=FACETS),
        Field("values", "list<string>", "Node ids answered; empty for an abstention."),
        Field("runner_up", "string", "Second choice; null where none was given.", nullable=True),
        Field("confidence", "float64", "Confidence; null where none was given.", nullable=True),
        Field("abstained", "string", "Why no label was given; empty where one was."),
        Field("model", "string", "Model that was asked, as configured."),
        Field("model_snapshot", "string", "Model that answered, as the provider names it."),
        Field("prompt_sha256", "string", "Digest of the prompt file."),
        Field("input_tokens", "int64", "Tokens sent, this item's part of the call.", unit="tokens"),
        Field("output_tokens", "int64", "Tokens received, this item's part of the call.", unit="tokens"),
        Field("cost_usd", "float64", "Price paid, this item's part of the call.", unit="USD"),
        Field("labelled_at", "timestamp", "When the model answered."),
    ),
)
_ITEM_ID = Field("item_id", "string", "Item of the suite: a thought, a message or a pair of texts.")
_CONDITION = Field("condition", "string", "What the prediction was made from, or by which method.")
_MODEL = Field("model", "string", "Model that was asked, as configured.")
_MODEL_SNAPSHOT = Field("model_snapshot", "string", "Model that answered, as the provider names it.")
_PROMPT_SHA256 = Field("prompt_sha256", "string", "Digest of the prompt file; empty where none was used.")
ANSWER_MEMO = Table(
    "answer_memo",
    "staged",
    "Answers of models to the research suites that were paid for, by the digest of the question; holds text.",
    ("key",),
    (
        Field("key", "string", "Digest of prompt, texts, model, parameters and schema of the answer."),
        Field("answer", "string", "The answer as JSON.", is_free_text=True, source="evaluate"),
        _MODEL,
        _MODEL_SNAPSHOT,
        _PROMPT_SHA256,
        Field("input_tokens", "int64", "Tokens sent.", unit="tokens"),
        Field("output_tokens", "int64", "Tokens received.", unit="tokens"),
        Field("cost_usd", "float64", "Price paid.", unit="USD"),
        Field("answered_at", "timestamp", "When the model answered."),
    ),
)
EVALUATION_ITEMS = Table(
    "evaluation_items",
    "staged",
    "What a suite asks about, one row an item; holds scrubbed text.",
    ("item_id",),
    (
        _ITEM_ID,
        _PARTICIPANT_ID,
        _CONVERSATION_ID,
        _SPLIT,
        Field("item_group", "string", "Kind of item that results are given for, e.g. `reason`."),
        Field("context", "string", "What is known, as text or JSON.", is_free_text=True, source="evaluate"),
        Field("target", "string", "What is to be found.", is_free_text=True, source="evaluate"),
    ),
)
EVALUATION_PREDICTIONS = Table(
    "evaluation_predictions",
    "staged",
    "What models wrote for the items of a suite, one row an item, condition and model; holds text.",
    ("item_id", "condition", "model"),
    (
        _ITEM_ID,
        _CONDITION,
        _MODEL,
        _MODEL_SNAPSHOT,
        Field("prediction", "string", "What the model wrote.", is_free_text=True, source="evaluate"),
        Field(
            "detail",
            "string",
            "How it came about, as JSON: hypotheses with prior, likelihood and posterior; empty elsewhere.",
            is_free_text=True,
            source="evaluate",
        ),
        _PROMPT_SHA256,
    ),
)
EVALUATION_SCORES = Table(
    "evaluation_scores",
    "staged",
    "Values given to the items of a suite, one row an item, condition, model, judge and metric; no text.",
    ("item_id", "condition", "model", "judge", "metric"),
    (
        _ITEM_ID,
        _CONDITION,
        replace(_MODEL, description="Model that predicted; empty where nothing was predicted."),
        Field("judge", "string", "Model that judged, or what measured."),
        Field("judge_snapshot", "string", "Model that judged, as the provider names it."),
        Field("metric", "string", "What the value measures."),
        Field("value", "float64", "The value, in the unit of the metric."),
        _PROMPT_SHA256,
    ),
)
EVALUATION_FAILURES = Table(
    "evaluation_failures",
    "staged",
    "Items of a suite without a value, and why: left out by a rule, or not answered; no text.",
    ("item_id", "step", "condition", "model"),
    (
        _ITEM_ID,
        Field("step", "string", "Step that gave nothing; `select` for items left out by a rule."),
        replace(_CONDITION, description="Condition or method; empty where the item itself is left out."),
        replace(_MODEL, description="Model that was asked; empty where none was."),
        Field("error", "string", "Named reason, e.g. `bad_json`, `refused`, `no_next_message`."),
        Field("n_attempts", "int32", "Answers asked for.", unit="calls"),
    ),
)
PREFERENCE_PAIRS = Table(
    "preference_pairs",
    "staged",
    "Preference pairs from dissatisfaction, one row a pair; holds scrubbed and generated text.",
    ("pair_id",),
    (
        Field("pair_id", "string", "Id of the criticised message and what guided the rewrite."),
        _PARTICIPANT_ID,
        _CONVERSATION_ID,
        _SPLIT,
        Field("guidance", "string", "What guided the rewrite.", values=("thought", "message")),
        Field("guide_id", "string", "Thought or message that guided it."),
        Field("message_id", "string", "The criticised answer."),
        Field("label", "string", "Reaction label that shows the dissatisfaction."),
        Field(
            "context",
            "string",
            "Messages before the answer, as JSON of role and content.",
            is_free_text=True,
            source="evaluate",
        ),
        Field("rejected", "string", "The original answer.", is_free_text=True),
        Field("chosen", "string", "The rewrite.", is_free_text=True, source="evaluate"),
        _MODEL,
        _MODEL_SNAPSHOT,
        _PROMPT_SHA256,
    ),
)
_SPAN_PLACE = (
    Field("item_id", "string", "Message, thought or other text that holds the span."),
    _CONVERSATION_ID,
    Field("field", "string", "Which column the text comes from."),
    Field("start", "int32", "First code point of the span in the original text."),
    Field("end", "int32", "One past its last code point."),
    Field("type", "string", "Type of the span.", source="scrub"),
    Field("recognizer", "string", "Which recogniser found it.", source="scrub"),
)
_SPAN_SCORE = Field("score", "float64", "How sure the recogniser is, 0 to 1.", source="scrub")
_SURFACE_HMAC = Field(
    "surface_hmac", "string", "Keyed digest of the type and the surface form; the text itself is nowhere."
)
SCRUB_AUDIT = Table(
    "scrub_audit",
    "staged",
    "One row a masked span: private, no text.",
    ("item_id", "start"),
    (
        *_SPAN_PLACE,
        _SPAN_SCORE,
        Field("recognizer_version", "string", "Version of the recogniser.", source="scrub"),
        Field(
            "action",
            "string",
            "Replaced by a numbered placeholder, masked by a plain one, or dropped with its conversation.",
            values=("replace", "mask", "drop"),
            source="scrub",
        ),
        Field(
            "replacement", "string", "What stands in its place; of a dropped one, what would.", source="scrub"
        ),
        _SURFACE_HMAC,
    ),
)
SCRUB_MEMO = Table(
    "scrub_memo",
    "staged",
    "One row a distinct text: the spans found in it, under a keyed digest of the text. Private, no text.",
    ("key", "engine"),
    (
        Field("key", "string", "Keyed digest of the text and of whether it is the original or redacted."),
        Field("engine", "string", "What found the spans: engine, recognisers and weights.", source="scrub"),
        Field("spans", "string", "Spans as JSON: start, end, type, score, recogniser.", source="scrub"),
        Field("language", "string", "Detected language, ISO 639-1 or `und`.", source="scrub"),
        Field("is_judged", "bool", "Whether the name models can read the language.", source="scrub"),
        Field("sensitive", "list<string>", "Kinds of sensitive content flagged.", source="scrub"),
    ),
)
SCRUB_DECISIONS = Table(
    "scrub_decisions",
    "staged",
    "One row a decision of a reviewer: a rule on a keyed digest, so that nothing is asked twice. No text.",
    ("surface_hmac",),
    (
        _SURFACE_HMAC,
        Field("type", "string", "Type of the span that was decided on."),
        Field("decision", "string", "Mask it everywhere, or keep it readable.", values=("mask", "keep")),
        Field("reviewer", "string", "Who decided."),
        Field("decided_at", "timestamp", "When."),
    ),
)
SCRUB_DENY = Table(
    "scrub_deny",
    "staged",
    "One row a value that is always masked, as keyed digests of its words. Private, no text.",
    ("value_hmac",),
    (
        Field(
            "value_hmac", "string", "Keyed digest of the value and of the conversation that it is denied in."
        ),
        Field("first_hmac", "string", "Keyed digest of its first word, short: where to look closer."),
        Field("n_words", "int32", "Words of the value.", unit="words"),
        Field("type", "string", "Type of its spans."),
        Field(
            "source",
            "string",
            "Given on a list, or found after publication.",
            values=("deny_list", "redaction"),
        ),
        Field("added_at", "timestamp", "When."),
    ),
)
SCRUB_REVIEW = Table(
    "scrub_review",
    "staged",
    "One row a span or text that a person should look at: private, no text.",
    ("item_id", "start", "type"),
    (
        *_SPAN_PLACE,
        _SPAN_SCORE,
        Field(
            "status",
            "string",
            "Undecided blocks a strict run; masked and unjudged are listed only.",
            values=("undecided", "masked", "unjudged"),
            source="scrub",
        ),
        _SURFACE_HMAC,
    ),
)

ID_MAP = Table(
    "id_map",
    "staged",
    "Public ids of the conversations of a run: private.",
    ("conversation_key",),
    (
        Field("conversation_key", "string", "`<dialect>:<source id>`."),
        _CONVERSATION_ID,
        Field("participant_key", "string", "`<dialect>:<source id of the participant>`."),
        _PARTICIPANT_ID,
        _SPLIT,
    ),
)

WITHHELD = Table(
    "withheld",
    "staged",
    "What the other tables must show for participants whose model or language was made coarser: private.",
    ("participant_id",),
    (
        _PARTICIPANT_ID,
        Field(
            "model_name",
            "string",
            "Coarser model name; null leaves it as it is.",
            nullable=True,
            source="privacy",
        ),
        Field(
            "model_provider",
            "string",
            "Provider of the coarser model; null where none is known.",
            nullable=True,
            source="privacy",
        ),
        Field(
            "language",
            "string",
            "Coarser language; null leaves it as it is.",
            nullable=True,
            source="privacy",
        ),
    ),
)

PARTICIPANTS = Table(
    "participants",
    "release",
    "One row a participant.",
    ("participant_id",),
    (
        _PARTICIPANT_ID,
        Field(
            "age_band",
            "string",
            "Age in bands, generalised to k-anonymity; null when missing or suppressed.",
            nullable=True,
            source="privacy",
        ),
        Field(
            "gender",
            "string",
            "Gender, generalised; null when missing or suppressed.",
            nullable=True,
            source="privacy",
        ),
        Field(
            "education",
            "string",
            "Highest education, generalised; null when missing or suppressed.",
            nullable=True,
            source="privacy",
        ),
        Field(
            "occupation_group",
            "string",
            "Occupation mapped to a group; null when missing or suppressed.",
            nullable=True,
            source="privacy",
        ),
        Field(
            "ai_use_frequency",
            "string",
            "How often the participant uses chatbots, 1 (never) to 5 (daily); null when missing.",
            nullable=True,
            source="privacy",
        ),
        Field(
            "purposes",
            "list<string>",
            "What the participant uses chatbots for, mapped to categories.",
            source="privacy",
        ),
        _LANGUAGE,
        Field(
            "n_conversations",
            "int32",
            "Conversations of the participant in this release.",
            unit="conversations",
            source="release",
        ),
        Field(
            "first_release", "string", "Version in which the participant first appeared.", source="registry"
        ),
        _SPLIT,
    ),
)
CONVERSATIONS = Table(
    "conversations",
    "release",
    "One row a conversation.",
    ("conversation_id",),
    (
        _CONVERSATION_ID,
        _PARTICIPANT_ID,
        _TASK_NO,
        _MODEL_NAME,
        _MODEL_PROVIDER,
        Field("started_at", "timestamp", "Time of the first message, coarsened by policy.", source="privacy"),
        Field("duration_s", "float64", "From the first to the last message.", unit="s"),
        _TASK_SUMMARY,
        _TASK_EXPECTATION,
        _LANGUAGE,
        Field(
            "n_messages",
            "int32",
            'Messages of both roles (one of the two meanings of "turn").',
            unit="messages",
        ),
        Field("n_reasons", "int32", "Reasons written in the conversation.", unit="thoughts"),
        Field("n_reactions", "int32", "Reactions written in the conversation.", unit="thoughts"),
        _SPLIT,
    ),
    (("participant_id", "participants.participant_id"),),
)
MESSAGES = Table(
    "messages",
    "release",
    "One row a message.",
    ("message_id",),
    (
        _MESSAGE_ID,
        _CONVERSATION_ID,
        _POSITION,
        _ROLE,
        replace(_CONTENT, description="Text of the message, scrubbed."),
        _OFFSET_S,
        Field(
            "stage",
            "string",
            "Quarter of the conversation by relative position among the messages of this role.",
            values=STAGES,
        ),
        _LANGUAGE,
        _N_REDACTIONS,
        _SENSITIVE,
    ),
    (("conversation_id", "conversations.conversation_id"),),
)
THOUGHTS = Table(
    "thoughts",
    "release",
    "One row a thought: a reason on a user message or a reaction on an assistant message.",
    ("thought_id",),
    (
        Field("thought_id", "string", "Public id of the thought: message id, kind and number."),
        _CONVERSATION_ID,
        _MESSAGE_ID,
        _KIND,
        replace(_CONTENT, description="Text of the thought, scrubbed."),
        replace(
            _OFFSET_S,
            description="Time of writing since the conversation's first message; often after the next message.",
        ),
        _N_REDACTIONS,
    ),
    (("conversation_id", "conversations.conversation_id"), ("message_id", "messages.message_id")),
)
LABELS = Table(
    "labels",
    "release",
    "One row a label of an item in a facet; topics may have several.",
    ("item_id", "facet", "value"),
    (
        Field(
            "item_id",
            "string",
            "Conversation (topic), user message (relationship) or thought (reason, reaction).",
        ),
        Field("facet", "string", "Which question the label answers.", values=FACETS),
        Field("value", "string", "Taxonomy node id, never a display name."),
        Field(
            "runner_up",
            "string",
            "Second most likely node id; null where the labeller gives none.",
            nullable=True,
        ),
        Field("source", "string", "Who decided: a human, the export, or a model.", values=LABEL_SOURCES),
        Field(
            "via",
            "string",
            "Decided directly, mapped by a taxonomy change, or carried over it.",
            values=LABEL_VIAS,
        ),
        Field("labeller", "string", "Name of the person, export or model that decided."),
        Field(
            "model_snapshot",
            "string",
            "Exact model version; null for human and export labels.",
            nullable=True,
        ),
        Field("taxonomy_version", "string", "Version of the facet's taxonomy."),
        Field(
            "prompt_sha256", "string", "Digest of the prompt; null where no prompt was used.", nullable=True
        ),
        Field(
            "confidence",
            "float64",
            "Calibrated probability of the label; null where the labeller gives none.",
            nullable=True,
        ),
        Field(
            "labelled_at",
            "timestamp",
            "When an LLM answered; null for local and export labels.",
            nullable=True,
        ),
    ),
)
CHANGES = Table(
    "changes",
    "release",
    "What changed since the parent release, as counts: rows by table and labels by flow.",
    ("scope", "change", "reason", "from_value", "to_value"),
    (
        Field("scope", "string", "Table name, or `labels.<facet>`."),
        Field("change", "string", "Kind of change.", values=("added", "removed", "changed", "unchanged")),
        Field(
            "reason",
            "string",
            "What changed (text, metadata, labels, privacy, withdrawn), empty where it does not apply.",
        ),
        Field("from_value", "string", "Old label in a label flow; empty for row counts."),
        Field("to_value", "string", "New label in a label flow; empty for row counts."),
        Field("n_rows", "int64", "Rows.", unit="rows"),
    ),
)
FUNNEL = Table(
    "funnel",
    "release",
    "Row accounting: in = out + quarantined + removed, for every stage and table.",
    ("stage", "table_name"),
    (
        Field("stage", "string", "Stage of the pipeline."),
        Field("table_name", "string", "What is counted: participants, conversations, messages or thoughts."),
        Field("n_in", "int64", "Rows that entered the stage.", unit="rows"),
        Field("n_out", "int64", "Rows that left it.", unit="rows"),
        Field("n_quarantined", "int64", "Rows held back for breaking a rule.", unit="rows"),
        Field("n_removed", "int64", "Rows removed on purpose: duplicates, policy, withdrawals.", unit="rows"),
    ),
)
QUARANTINE_SUMMARY = Table(
    "quarantine_summary",
    "release",
    "Quarantined rows by rule: counts only.",
    ("stage", "rule"),
    (
        Field("stage", "string", "Stage that found the fault."),
        Field("rule", "string", "Name of the rule."),
        Field("n_conversations", "int64", "Conversations held back by the rule.", unit="conversations"),
        Field("n_faults", "int64", "Single faults found.", unit="faults"),
    ),
)

TOPIC_DOMAINS = Field(
    "topic_domains", "list<string>", "Topic domains of the conversation; several may apply.", source="labels"
)
TOPIC_SUBTOPICS = Field(
    "topic_subtopics", "list<string>", "Subtopics of the conversation; several may apply.", source="labels"
)
RELATIONSHIP = Field(
    "relationship",
    "string",
    "How a user message relates to the one before; null on assistant messages and where no label was given.",
    nullable=True,
    source="labels",
)
LABEL = Field(
    "label",
    "string",
    "Label of the thought in the facet of its kind; null where none was given.",
    nullable=True,
    source="labels",
)

BASE_TABLES: tuple[Table, ...] = (
    PARTICIPANTS,
    CONVERSATIONS,
    MESSAGES,
    THOUGHTS,
    LABELS,
    CHANGES,
    FUNNEL,
    QUARANTINE_SUMMARY,
)
"""What `shards/` holds."""

READER_VIEWS: tuple[Table, ...] = (
    PARTICIPANTS,
    replace(CONVERSATIONS, fields=(*CONVERSATIONS.fields, TOPIC_DOMAINS, TOPIC_SUBTOPICS)),
    replace(MESSAGES, fields=(*MESSAGES.fields, RELATIONSHIP)),
    replace(THOUGHTS, fields=(*THOUGHTS.fields, LABEL)),
    LABELS,
    CHANGES,
    FUNNEL,
    QUARANTINE_SUMMARY,
)
"""What `releases/<version>/<table>/` holds: the base tables with labels joined on."""

STAGED_TABLES: tuple[Table, ...] = (STAGED_CONVERSATIONS, STAGED_MESSAGES, STAGED_THOUGHTS)
CLEAN_TABLES: tuple[Table, ...] = (CLEAN_CONVERSATIONS, CLEAN_MESSAGES, CLEAN_THOUGHTS)

TABLES: Mapping[str, Table] = MappingProxyType(
    {
        t.name: t
        for t in (
            *STAGED_TABLES,
            *CLEAN_TABLES,
            QUARANTINE,
            TAG_OUTCOMES,
            LABEL_REVIEW,
            GOLD_LABELS,
            LABEL_MEMO,
            ANSWER_MEMO,
            EVALUATION_ITEMS,
            EVALUATION_PREDICTIONS,
            EVALUATION_SCORES,
            EVALUATION_FAILURES,
            PREFERENCE_PAIRS,
            SCRUB_AUDIT,
            SCRUB_REVIEW,
            SCRUB_MEMO,
            SCRUB_DECISIONS,
            SCRUB_DENY,
            *BASE_TABLES,
        )
    }
)
"""Every base table by name."""
VIEWS: Mapping[str, Table] = MappingProxyType({t.name: t for t in READER_VIEWS})
"""Every reader view by name."""
