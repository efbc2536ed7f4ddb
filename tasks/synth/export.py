"""Generated exports: schema-true raw files of any size, with the truth about what is in them.

Text, times and choices come from the seed alone: the same seed and options give the same bytes, and a
longer export begins with the conversations of a shorter one, so that a later export can be made by
asking for more. Blocks of at most 1,024 participants keep memory flat.
"""

from __future__ import annotations

import gzip
import io
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import polars as pl

from schemas.errors import UsageError
from tasks.synth.damage import damage_lines
from tasks.synth.dialects import Wrapped, wrap
from tasks.synth.options import Dialect, Options
from tasks.synth.people import load_people_words
from tasks.synth.phrasebook import load_phrasebook
from tasks.synth.plan import Plan, plan_block
from tasks.synth.plants import Oddity, People, plan_oddities, plan_plants
from tasks.synth.telling import tell_truth
from tasks.synth.truth import Truth, concat_truth, truth_lines
from tasks.synth.writing import Texts, write_texts

_MESSAGES_PER_CHUNK = 1_000
_LEVEL_GZIP = 4
_LEVEL_ZSTD = 3


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive lines of an export.

    Attributes:
        chunks: whole lines, each ended by a line feed; cut anywhere.
        n_lines: how many.
        n_messages: messages of the planned conversations.
        n_faults: faults planted.
        truth: what is in them.
    """

    chunks: tuple[bytes, ...]
    n_lines: int
    n_messages: int
    n_faults: int
    truth: Truth

    @property
    def data(self) -> bytes:
        """The lines as one piece."""
        return b"".join(self.chunks)


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
        left, number, line, n_faults = self.n_conversations, 0, 1, 0
        with ThreadPoolExecutor(max_workers=1) as pool:
            draft = _draft_block(self.seed, number, self.options) if left else None
            while draft is not None:
                n = min(left, len(draft.plan.c_topic))
                left, number = left - n, number + 1
                coming = pool.submit(_draft_block, self.seed, number, self.options) if left else None
                block = _finish_block(
                    draft, n, line, n_faults, self.seed, self.options, with_truth=with_truth
                )
                line, n_faults = line + block.n_lines, n_faults + block.n_faults
                yield block
                draft = coming.result() if coming else None

    def to_bytes(self) -> bytes:
        """Return the whole export."""
        return b"".join(chunk for block in self.blocks(with_truth=False) for chunk in block.chunks)

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
            for chunk in block.chunks:
                sink.write(chunk)
            if truth_sink is not None:
                truth_sink.write(truth_lines(block.truth))
            total = replace(
                total,
                n_messages=total.n_messages + block.n_messages,
                n_lines=total.n_lines + block.n_lines,
                n_bytes=total.n_bytes + sum(map(len, block.chunks)),
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


@dataclass(frozen=True, slots=True)
class _Draft:
    """A block whose text is written but not yet put into lines."""

    plan: Plan
    people: People
    oddities: list[Oddity]
    texts: Texts


def _draft_block(seed: int, number: int, options: Options) -> _Draft:
    book, words = load_phrasebook(), load_people_words()
    plan = plan_block(book, seed, number, options.non_english)
    people = People(words, seed, plan)
    plants = plan_plants(book, words, people, plan, seed, options)
    oddities = plan_oddities(words, plan, seed, options)
    return _Draft(plan, people, oddities, write_texts(book, plan, plants, oddities, seed, options))


def _finish_block(
    draft: _Draft,
    n: int,
    first_line: int,
    n_faults_before: int,
    seed: int,
    options: Options,
    *,
    with_truth: bool,
) -> Block:
    """Put the first `n` conversations of a block into lines."""
    wrapped = wrap(draft.plan, draft.texts, draft.people, options, n)
    chunks = _join(draft.texts, wrapped)
    n_lines, n_messages = int(wrapped.line[-1]) + 1, len(wrapped.prefix)
    truth, n_faults = concat_truth([]), 0
    if with_truth or options.bad_share > 0:
        truth = tell_truth(load_phrasebook(), draft.plan, draft.texts, draft.oddities, wrapped, n)
    if options.bad_share > 0:
        damaged = damage_lines(b"".join(chunks), truth, seed, draft.plan.block, n_faults_before, options)
        chunks, n_lines, n_faults, truth = (
            (damaged.data,),
            damaged.n_lines,
            damaged.n_faults,
            damaged.truth,
        )
    shifted = Truth(
        *(getattr(truth, name).with_columns(pl.col("line") + first_line) for name in Truth.__slots__)
    )
    return Block(chunks, n_lines, n_messages, n_faults, shifted)


def _join(texts: Texts, wrapped: Wrapped) -> tuple[bytes, ...]:
    """Build the lines: for every message its prefix, its run of fragments and its suffix."""
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
    # in pieces of a few MB: allocators hand the same memory out again, which is three times as fast
    cuts = np.unique([0, *ends[_MESSAGES_PER_CHUNK - 1 :: _MESSAGES_PER_CHUNK], len(ids)]).tolist()
    joined = (fragments.gather(ids[a:b]).str.join("") for a, b in itertools.pairwise(cuts))
    return tuple(piece.cast(pl.Binary).item() for piece in joined)
