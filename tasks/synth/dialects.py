"""The three raw formats: what stands between the texts of a block.

Every message gets a prefix and a suffix; the first and last message of a conversation (task, session)
carry its opening and closing. The long texts themselves are not touched here. Lines are spaced as
`json.dumps(record, ensure_ascii=False)` would write them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from tasks.synth.options import Dialect, Options
from tasks.synth.phrasebook import REACTIONS, REASONS, Ints
from tasks.synth.plan import MODELS, Plan
from tasks.synth.plants import People
from tasks.synth.writing import Texts

_Z = "%Y-%m-%dT%H:%M:%S%.3fZ"
_ZONED = "%Y-%m-%dT%H:%M:%S%.6f+00:00"
_LABELS = (*REASONS, *REACTIONS)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """What surrounds the texts of the first conversations of a block.

    Attributes:
        prefix: before the text of each message.
        suffix: after it; the last one of a line ends with a line feed.
        line: line of each conversation within the block, from 0.
        conversation_id: id of each conversation in the export.
        participant_id: id of each conversation's participant in the export.
    """

    prefix: pl.Series
    suffix: pl.Series
    line: Ints
    conversation_id: pl.Series
    participant_id: pl.Series


def wrap(plan: Plan, texts: Texts, people: People, options: Options, n_conversations: int) -> Wrapped:
    """Return what surrounds the texts of the first `n_conversations` of a block."""
    c = _conversation_frame(plan, texts, people, options.dialect).head(n_conversations)
    heads, tails = _session_ends(c) if options.dialect == "session" else _record_ends(c, options.dialect)
    n_m = int(plan.c_n_messages[:n_conversations].sum())
    conversation = plan.m_conversation[:n_m]
    is_first = pl.Series(plan.m_position[:n_m] == 0)
    is_last = pl.Series(np.append(np.diff(conversation) > 0, True)[:n_m])
    text_key = "text" if options.dialect == "flat-study" else "content"
    role = plan.m_role[:n_m]
    clock = plan.m_time[:n_m] + role
    messages = pl.DataFrame(
        {
            "head": heads.gather(conversation),
            "tail": tails.gather(conversation),
            "time": _stamp(plan.m_time[:n_m], _Z),
            "role": pl.Series(["user", "assistant"]).gather(role),
            "thought_key": pl.Series(["reasons", "reactions"]).gather(role),
            "clock": pl.Series(clock).cast(pl.String),
            "thoughts": _thoughts_of(plan, texts, options, n_m),
        }
    )
    prefix = messages.select(
        pl.concat_str(
            pl.when(is_first).then(pl.col("head")).otherwise(pl.lit("")), pl.lit(f'{{"{text_key}": "')
        )
    )
    suffix = messages.select(
        pl.concat_str(
            pl.lit('", "timestamp": "'), "time", pl.lit('", "type": "'), "role", pl.lit('", "id": '), "clock",
            pl.lit(', "'), "thought_key", pl.lit('": ['), "thoughts", pl.lit("]}"),
            pl.when(is_last).then(pl.col("tail")).otherwise(pl.lit(", ")),
        )
    )  # fmt: skip
    line = (
        c["participant"].rle_id().cast(pl.Int64).to_numpy()
        if options.dialect == "session"
        else np.arange(c.height)
    )
    return Wrapped(prefix.to_series(), suffix.to_series(), line, c["id"], c["participant_id"])


def _stamp(ms: Ints, style: str) -> pl.Series:
    return pl.from_epoch(pl.Series(ms), time_unit="ms").dt.strftime(style)


def _text(column: str) -> pl.Expr:
    """A JSON string, or `null`; the column is escaped already."""
    quoted = pl.concat_str(pl.lit('"'), pl.col(column), pl.lit('"'))
    return pl.when(pl.col(column).is_null()).then(pl.lit("null")).otherwise(quoted)


def _object(columns: tuple[str, ...]) -> pl.Expr:
    parts: list[pl.Expr] = []
    for i, name in enumerate(columns):
        parts.extend((pl.lit(f'{", " if i else "{"}"{name}": '), _text(name)))
    return pl.concat_str(*parts, pl.lit("}"))


def _listed(column: str) -> pl.Expr:
    listed = pl.concat_str(pl.lit('["'), pl.col(column), pl.lit('"]'))
    return pl.when(pl.col(column).is_null()).then(pl.lit("null")).otherwise(listed)


def _conversation_frame(plan: Plan, texts: Texts, people: People, dialect: Dialect) -> pl.DataFrame:
    """One row a conversation, with everything that surrounds its messages."""
    answers = texts.survey.answers
    fields = ("age", "gender", "education", "occupation", "frequency")
    if dialect == "published":
        survey = answers.select(_object((*fields, "purposes"))).to_series()
    else:
        survey = answers.select(
            pl.concat_str(
                _object(fields).str.strip_suffix("}"),
                pl.lit(', "purposes": '), _listed("purposes"), pl.lit(', "feedback": '), _text("feedback"), pl.lit("}"),
            )
        ).to_series()  # fmt: skip
    names, providers = (pl.Series(x) for x in zip(*MODELS, strict=True))
    slugs = names.str.to_lowercase().str.replace_all(" ", "-", literal=True)
    base = 1 if dialect != "flat-study" else 0
    number = plan.p_number + base
    tail = [_base36(n) for n in (plan.p_number * 2_654_435_761 + plan.p_created) % 36**9]
    participants = pl.DataFrame(
        {
            "model_name": (names if dialect == "published" else slugs).gather(plan.p_model),
            "model_provider": providers.gather(plan.p_model),
            "created_at": _stamp(plan.p_created, _ZONED),
            "updated_at": _stamp(plan.p_updated, _ZONED),
            "survey": survey,
            "has_survey": texts.survey.has_survey,
            "session": pl.Series(tail),
            "created_ms": pl.Series(plan.p_created).cast(pl.String),
            "number": pl.Series(number),
        }
    ).with_columns(session_id=pl.concat_str(pl.lit("conv_study_"), "session", pl.lit("_"), "created_ms"))
    c = participants[plan.c_participant].with_columns(
        participant=pl.Series(plan.c_participant),
        task=pl.Series(plan.c_task - 1 + base),
        conversation=pl.Series(plan.c_number - 1 + base),
        task_summary=texts.task_summary,
        task_expectation=texts.task_expectation,
    )
    if dialect == "session":
        ids = pl.Series([people[p].recruitment_id() for p in range(len(number))])
        return c.with_columns(
            id=pl.format("{}/task{}/conversation{}", "session_id", "task", "conversation"),
            participant_id=ids.gather(plan.c_participant),
        )
    return c.with_columns(
        id=pl.format("user{}_task{}_conversation{}", "number", "task", "conversation"),
        participant_id=pl.format("user{}", "number"),
    )


def _record_ends(c: pl.DataFrame, dialect: Dialect) -> tuple[pl.Series, pl.Series]:
    """Opening and closing of a conversation in the two dialects with one conversation a line."""
    is_flat = dialect == "flat-study"
    session = (pl.lit('", "conversation_id": "'), pl.col("session_id")) if is_flat else ()
    provider = () if is_flat else (pl.lit('", "model_provider": "'), pl.col("model_provider"))
    ends = c.select(
        head=pl.concat_str(pl.lit('{"id": "'), "id", *session, pl.lit('", "messages": [')),
        tail=pl.concat_str(
            pl.lit('], "model_name": "'), "model_name", *provider,
            pl.lit('", "created_at": "'), "created_at", pl.lit('", "updated_at": "'), "updated_at",
            pl.lit('", "task_summary": '), _text("task_summary"),
            pl.lit(', "task_expectation": '), _text("task_expectation"),
            pl.lit(', "survey_answers": ['),
            pl.when(pl.col("has_survey")).then(pl.col("survey")).otherwise(pl.lit("")),
            pl.lit("]}\n"),
        ),
    )  # fmt: skip
    return ends["head"], ends["tail"]


def _session_ends(c: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Opening and closing of a conversation where one line holds a whole session."""
    task = pl.struct("participant", "task")
    opens_task = (task != task.shift(1)).fill_null(True)
    opens_session = (pl.col("participant") != pl.col("participant").shift(1)).fill_null(True)
    session = pl.concat_str(
        pl.lit('{"session_id": "'), "session_id", pl.lit('", "recruitment_id": "'), "participant_id",
        pl.lit('", "model_name": "'), "model_name", pl.lit('", "model_provider": "'), "model_provider",
        pl.lit('", "created_at": "'), "created_at", pl.lit('", "updated_at": "'), "updated_at",
        pl.lit('", "survey": '), pl.when(pl.col("has_survey")).then(pl.col("survey")).otherwise(pl.lit("null")),
        pl.lit(', "tasks": ['),
    )  # fmt: skip
    opening = pl.concat_str(
        pl.lit('{"task_no": '), pl.col("task").cast(pl.String),
        pl.lit(', "task_summary": '), _text("task_summary"),
        pl.lit(', "task_expectation": '), _text("task_expectation"),
        pl.lit(', "conversations": ['),
    )  # fmt: skip
    nothing = pl.lit("")
    c = c.with_columns(opens_task=opens_task, opens_session=opens_session)
    ends = c.select(
        head=pl.concat_str(
            pl.when("opens_session").then(session).otherwise(nothing),
            pl.when("opens_task").then(opening).otherwise(nothing),
            pl.lit('{"conversation_no": '), pl.col("conversation").cast(pl.String), pl.lit(', "messages": ['),
        ),
        tail=pl.when(pl.col("opens_session").shift(-1).fill_null(True)).then(pl.lit("]}]}]}\n"))
        .when(pl.col("opens_task").shift(-1).fill_null(True)).then(pl.lit("]}]}, "))
        .otherwise(pl.lit("]}, ")),
    )  # fmt: skip
    return ends["head"], ends["tail"]


def _thoughts_of(plan: Plan, texts: Texts, options: Options, n_messages: int) -> pl.Series:
    """The inside of each message's `reasons` or `reactions`."""
    label = (pl.lit('", "label": "'), pl.col("label")) if options.labels else ()
    thoughts = pl.DataFrame(
        {
            "message": plan.t_message,
            "content": texts.thoughts,
            "time": _stamp(plan.t_time, _Z),
            "label": pl.Series(_LABELS).gather(plan.t_label),
        }
    ).select(
        "message",
        json=pl.concat_str(
            pl.lit('{"content": "'), "content", pl.lit('", "timestamp": "'), "time", *label, pl.lit('"}')
        ),
    )
    joined = thoughts.group_by("message", maintain_order=True).agg(pl.col("json").str.join(", "))
    every = pl.DataFrame({"message": np.arange(n_messages)})
    return every.join(joined, on="message", how="left", maintain_order="left")["json"].fill_null("")


def _base36(number: int) -> str:
    return np.base_repr(int(number), 36).lower().zfill(9)
