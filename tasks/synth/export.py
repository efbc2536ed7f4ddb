"""Generated exports: schema-true raw files of any size, with the truth about what is in them.

Text, times and choices come from the seed alone: the same seed and options give the same bytes, and a
longer export begins with the conversations of a shorter one, so that a later export can be made by
asking for more. Blocks of at most 1,024 participants keep memory flat.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import polars as pl

from schemas.errors import UsageError
from tasks.synth.dialects import Wrapped, wrap
from tasks.synth.faults import damage_lines
from tasks.synth.options import Dialect, Options
from tasks.synth.phrasebook import REACTIONS, REASONS, RELATIONSHIPS, Phrasebook, load_phrasebook, read_words
from tasks.synth.plan import Plan, plan_block
from tasks.synth.plants import Oddity, People, plan_oddities, plan_plants
from tasks.synth.truth import BAD, CONVERSATIONS, LABELS, ODDITIES, SPANS, Truth, concat_truth, truth_lines
from tasks.synth.writing import Texts, write_texts

_LEVEL_GZIP = 4
_LEVEL_ZSTD = 3


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive lines of an export.

    Attributes:
        data: whole lines, each ended by a line feed.
        n_lines: how many.
        n_messages: messages of the planned conversations.
        truth: what is in them.
    """

    data: bytes
    n_lines: int
    n_messages: int
    truth: Truth


@dataclass(frozen=True, slots=True)
class SynthExport:
    """A generated export; nothing is made before it is asked for, and asking twice gives the same."""

    n_conversations: int
    seed: int
    options: Options

    def blocks(self, *, with_truth: bool = True) -> Iterator[Block]:
        """Make the export block by block; memory holds two blocks at a time.

        The text of the next block is written by a second thread while this one is put into lines.

        Args:
            with_truth: whether to say what is in them; without it `Block.truth` is empty.
        """
        left, number, line = self.n_conversations, 0, 1
        with ThreadPoolExecutor(max_workers=1) as pool:
            draft = _draft_block(self.seed, number, self.options) if left else None
            while draft is not None:
                n = min(left, len(draft.plan.c_topic))
                left, number = left - n, number + 1
                coming = pool.submit(_draft_block, self.seed, number, self.options) if left else None
                block = _finish_block(draft, n, line, self.seed, self.options, with_truth=with_truth)
                line += block.n_lines
                yield block
                draft = coming.result() if coming else None

    def to_bytes(self) -> bytes:
        """Return the whole export."""
        return b"".join(block.data for block in self.blocks(with_truth=False))

    def lines(self) -> Iterator[bytes]:
        """Return the lines of the export, without their line feeds."""
        for block in self.blocks(with_truth=False):
            yield from block.data.removesuffix(b"\n").split(b"\n")

    def truth(self) -> Truth:
        """Return everything that was planted."""
        return concat_truth(block.truth for block in self.blocks())


def generate(n: int, seed: int, dialect: Dialect = "published", **options: Any) -> SynthExport:
    """Describe an export of `n` conversations.

    Args:
        n: conversations; a session document holds several.
        seed: same seed, same bytes.
        dialect: raw format.
        options: see `Options`.

    Raises:
        UsageError: a number is out of its range.
    """
    chosen = Options(dialect=dialect, **options)
    if n < 0 or seed < 0:
        raise UsageError("synth: the number of conversations and the seed must not be negative")
    for name in ("non_english", "pii_share", "oddity_share", "bad_share"):
        if not 0 <= getattr(chosen, name) <= 1:
            raise UsageError(f"synth: {name} must lie between 0 and 1")
    return SynthExport(n, seed, chosen)


@dataclass(frozen=True, slots=True)
class Written:
    """What `write_export` wrote.

    Attributes:
        n_conversations: conversations planned, bad ones included.
        n_messages: their messages.
        n_lines: lines in the file.
        n_bytes: bytes before compression.
    """

    n_conversations: int
    n_messages: int
    n_lines: int
    n_bytes: int


def write_export(export: SynthExport, out: Path, truth: Path | None = None) -> Written:
    """Write an export, compressed as its suffix says (`.gz`, `.zst`), and its truth.

    Raises:
        UsageError: a folder that should hold a file does not exist.
    """
    for path in (out, truth):
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"no such folder: {path.parent}")
    total = Written(export.n_conversations, 0, 0, 0)
    with ExitStack() as stack:
        sink = _open(stack, out)
        truth_sink = _open(stack, truth) if truth is not None else None
        for block in export.blocks(with_truth=truth is not None):
            sink.write(block.data)
            if truth_sink is not None:
                truth_sink.write(truth_lines(block.truth))
            total = replace(
                total,
                n_messages=total.n_messages + block.n_messages,
                n_lines=total.n_lines + block.n_lines,
                n_bytes=total.n_bytes + len(block.data),
            )
    return total


def write_small_export(
    folder: Path, n: int = 20, seed: int = 1, dialect: Dialect = "published", **options: Any
) -> tuple[Path, Truth]:
    """Write a small export of short messages into a folder, for tests; return its path and truth."""
    export = generate(n, seed, dialect, **{"short": True, **options})
    blocks = list(export.blocks())
    path = folder / f"{dialect}-{seed}-{n}.jsonl"
    path.write_bytes(b"".join(b.data for b in blocks))
    return path, concat_truth(b.truth for b in blocks)


def _open(stack: ExitStack, path: Path) -> BinaryIO:
    file = stack.enter_context(path.open("wb"))
    if path.suffix == ".gz":
        # no name and no time in the header: same seed, same bytes
        packed = gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL_GZIP, fileobj=file, mtime=0)
        return cast("BinaryIO", stack.enter_context(packed))
    if path.suffix == ".zst":
        import zstandard

        writer = zstandard.ZstdCompressor(level=_LEVEL_ZSTD).stream_writer(file, closefd=False)
        return cast("BinaryIO", stack.enter_context(cast("io.RawIOBase", writer)))
    return cast("BinaryIO", file)


@lru_cache(maxsize=1)
def _people_words() -> dict[str, Any]:
    return read_words("people")


@dataclass(frozen=True, slots=True)
class _Draft:
    """A block whose text is written but not yet put into lines."""

    plan: Plan
    people: People
    oddities: list[Oddity]
    texts: Texts


def _draft_block(seed: int, number: int, options: Options) -> _Draft:
    book, words = load_phrasebook(), _people_words()
    plan = plan_block(book, seed, number, options.non_english)
    people = People(words, seed, plan)
    plants = plan_plants(book, words, people, plan, seed, options)
    oddities = plan_oddities(words, plan, seed, options)
    return _Draft(plan, people, oddities, write_texts(book, plan, plants, oddities, seed, options))


def _finish_block(
    draft: _Draft, n: int, first_line: int, seed: int, options: Options, *, with_truth: bool
) -> Block:
    """Put the first `n` conversations of a block into lines."""
    wrapped = wrap(draft.plan, draft.texts, draft.people, options, n)
    data = _join(draft.texts, wrapped)
    n_lines, n_messages = int(wrapped.line[-1]) + 1, len(wrapped.prefix)
    truth = concat_truth([])
    if with_truth or options.bad_share > 0:
        truth = _tell_truth(load_phrasebook(), draft.plan, draft.texts, draft.oddities, wrapped, n)
    if options.bad_share > 0:
        data, n_lines, truth = damage_lines(data, truth, seed, draft.plan.block, options)
    shifted = Truth(
        *(getattr(truth, name).with_columns(pl.col("line") + first_line) for name in Truth.__slots__)
    )
    return Block(data, n_lines, n_messages, shifted)


def _join(texts: Texts, wrapped: Wrapped) -> bytes:
    """Build the lines: for every message its prefix, its run of fragments, its suffix; one join."""
    n = len(wrapped.prefix)
    counts = texts.messages.counts[:n]
    run = np.repeat(np.cumsum(counts + 2) - (counts + 2) + 1, counts)
    within = np.arange(len(run)) - np.repeat(np.cumsum(counts) - counts, counts)
    ends = np.cumsum(counts + 2)
    pool = texts.messages.pool
    ids = np.empty(int(ends[-1]) if n else 0, np.int64)
    ids[ends - counts - 2] = len(pool) + np.arange(n)
    ids[run + within] = texts.messages.ids[: len(run)]
    ids[ends - 1] = len(pool) + n + np.arange(n)
    fragments = pl.concat([pool, wrapped.prefix.rename(""), wrapped.suffix.rename("")], rechunk=True)
    return fragments.gather(ids).str.join("").cast(pl.Binary).item()


def _tell_truth(
    book: Phrasebook, plan: Plan, texts: Texts, oddities: list[Oddity], wrapped: Wrapped, n: int
) -> Truth:
    """Say what is in the first `n` conversations; lines count from 0 within the block here."""
    c = pl.DataFrame(
        {
            "conversation": np.arange(n),
            "line": wrapped.line,
            "conversation_id": wrapped.conversation_id,
            "participant_id": wrapped.participant_id,
            "participant": plan.c_participant[:n],
            "task_first": plan.c_task_first[:n],
            "language": pl.Series(book.languages).gather(plan.p_language[plan.c_participant[:n]]),
            "n_messages": plan.c_n_messages[:n],
        }
    )
    m = pl.DataFrame(
        {
            "message": np.arange(len(plan.m_role)),
            "conversation": plan.m_conversation,
            "position": plan.m_position,
            "role": pl.Series(["user", "assistant"]).gather(plan.m_role),
            "relationship": pl.Series((*RELATIONSHIPS, None)).gather(
                plan.m_relationship % (len(RELATIONSHIPS) + 1)
            ),
            "topic": plan.m_topic,
        }
    ).join(c, on="conversation", how="inner", maintain_order="left")
    t = pl.DataFrame(
        {
            "thought": np.arange(len(plan.t_label)),
            "message": plan.t_message,
            "ordinal": plan.t_ordinal,
            "field": pl.Series(["reason", "reaction"]).gather(plan.m_role[plan.t_message]),
            "value": pl.Series((*REASONS, *REACTIONS)).gather(plan.t_label),
        }
    ).join(m, on="message", how="inner", maintain_order="left")
    counts = t.group_by("conversation").agg(
        n_reasons=(pl.col("field") == "reason").sum().cast(pl.Int64),
        n_reactions=(pl.col("field") == "reaction").sum().cast(pl.Int64),
    )
    return Truth(
        _conform(
            c.join(counts, on="conversation", how="left", maintain_order="left").with_columns(
                pl.col("n_reasons", "n_reactions").fill_null(0)
            ),
            CONVERSATIONS,
        ),
        _span_truth(texts.spans, c, m, t),
        _label_truth(book, m, t),
        _oddity_truth(oddities, m, t),
        pl.DataFrame(schema=BAD),
    )


def _conform(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in frame.columns]
    return frame.with_columns(missing).select(schema.names()).cast(dict(schema))


def _span_truth(spans: pl.DataFrame, c: pl.DataFrame, m: pl.DataFrame, t: pl.DataFrame) -> pl.DataFrame:
    def of(*targets: str) -> pl.DataFrame:
        return spans.filter(pl.col("target").is_in(targets)).with_columns(field="target")

    parts = [
        of("content").join(m, left_on="row", right_on="message", maintain_order="left"),
        of("thought").drop("field").join(t, left_on="row", right_on="thought", maintain_order="left"),
        # a task's conversations share summary and expectation, a participant's all share the survey
        of("task_summary", "task_expectation").join(
            c, left_on="row", right_on="task_first", maintain_order="left"
        ),
        of("occupation", "purposes", "feedback").join(
            c, left_on="row", right_on="participant", maintain_order="left"
        ),
    ]
    return pl.concat([_conform(p, SPANS) for p in parts]).sort("line", maintain_order=True)


def _label_truth(book: Phrasebook, m: pl.DataFrame, t: pl.DataFrame) -> pl.DataFrame:
    subtopic = pl.Series([topic.subtopic for topic in book.topics])
    topics = m.select("line", "conversation_id", "topic").unique(maintain_order=True)
    parts = [
        topics.with_columns(facet=pl.lit("topic"), value=subtopic.gather(topics["topic"])),
        m.filter(pl.col("role") == "user").with_columns(facet=pl.lit("relationship"), value="relationship"),
        t.with_columns(facet="field"),
    ]
    return pl.concat([_conform(p, LABELS) for p in parts]).sort("line", maintain_order=True)


def _oddity_truth(oddities: list[Oddity], m: pl.DataFrame, t: pl.DataFrame) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "target": [o.target for o in oddities],
            "row": [o.row for o in oddities],
            "kind": [o.kind for o in oddities],
        },
        schema={"target": pl.String, "row": pl.Int64, "kind": pl.String},
    )
    parts = [
        frame.filter(pl.col("target") == target).join(
            where, left_on="row", right_on=key, maintain_order="left"
        )
        for target, where, key in (("content", m, "message"), ("thought", t, "thought"))
    ]
    return pl.concat([_conform(p, ODDITIES) for p in parts]).sort("line", maintain_order=True)
