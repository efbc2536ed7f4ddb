"""Planting faults into the lines of a block, and keeping the truth true."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

import polars as pl

from tasks.synth.faults import FAULTS, NEED_LABELS, PARTICIPANT_WIDE, TRUE_STILL
from tasks.synth.options import Options
from tasks.synth.plan import Stream, open_stream
from tasks.synth.truth import BAD, Truth


@dataclass(frozen=True, slots=True)
class Damaged:
    """Lines of a block after faults were planted.

    Attributes:
        data: the lines.
        n_lines: how many; copies make it more.
        n_faults: faults planted, one of a participant counted once.
        truth: what is still true, with the faults.
    """

    data: bytes
    n_lines: int
    n_faults: int
    truth: Truth


def damage_lines(
    data: bytes, truth: Truth, seed: int, block: int, n_before: int, options: Options
) -> Damaged:
    """Break a share of the lines of a block.

    Kinds are dealt in turn over the whole export, in an order drawn from the seed: an export with as many
    faults as kinds has each of them. What the truth said about lines whose fault holds them back, or wrote
    over what was planted, is taken out of it; the rest is moved where copies shift the lines.

    Args:
        data: the lines.
        truth: what is in them; lines count from 0 within the block.
        seed: seed of the export.
        block: number of the block.
        n_before: faults planted in earlier blocks.
        options: share of bad lines, dialect.
    """
    rng = random.Random(int(open_stream(seed, block, Stream.FAULT).integers(2**62)))
    lines = data.removesuffix(b"\n").split(b"\n")
    kinds = [k for k in FAULTS if options.labels or k not in NEED_LABELS]
    random.Random(seed).shuffle(kinds)
    owners = dict(truth.conversations.select("line", "participant_id").iter_rows())
    lines_of: dict[str, list[int]] = {}
    for line, owner in sorted(owners.items()):
        lines_of.setdefault(owner, []).append(line)

    faults: dict[int, str] = {}
    n_faults = 0
    for i in range(1, len(lines)):
        if rng.random() >= options.bad_share or i in faults:
            continue
        kind = kinds[(n_before + n_faults) % len(kinds)]
        n_faults += 1
        for line in lines_of[owners[i]] if kind in PARTICIPANT_WIDE else [i]:
            faults.setdefault(line, kind)
    copies: dict[int, bytes] = {}
    for line, kind in faults.items():
        if kind == "exact_copy":
            copies[line] = lines[line]
        else:
            whole = next((lines[j] for j in range(line - 1, -1, -1) if j not in faults), lines[0])
            lines[line] = _damage(kind, lines[line], whole, random.Random(f"{kind}{owners[line]}"))

    out: list[bytes] = []
    moved: list[int] = []
    bad: list[tuple[int, str, str]] = []
    for i, line in enumerate(lines):
        moved.append(len(out))
        out.append(line)
        if i in copies:
            bad.append((len(out), "exact_copy", FAULTS["exact_copy"].expected))
            out.append(copies[i])
        elif i in faults:
            bad.append((moved[i], faults[i], FAULTS[faults[i]].expected))
    # what a fault holds back, or wrote over, is no longer as the truth says
    lost = [i for i, kind in faults.items() if kind not in TRUE_STILL]
    return Damaged(b"\n".join(out) + b"\n", len(out), n_faults, _move(truth, lost, moved, bad))


def _damage(kind: str, line: bytes, whole: bytes, rng: random.Random) -> bytes:
    fault = FAULTS[kind]
    if fault.rewrite is not None:
        return fault.rewrite(line)
    record = json.loads(line)
    if fault.edit is not None:
        fault.edit(record, rng)
    elif kind == "duplicate_id":
        name = "session_id" if "session_id" in record else "id"
        return line.replace(_value(line, name), _value(whole, name), 1)
    # a lone surrogate can only be written as an escape
    return json.dumps(record, ensure_ascii=kind == "lone_surrogate").encode()


def _value(line: bytes, name: str) -> bytes:
    key = f'"{name}": "'.encode()
    start = line.find(key) + len(key)
    return line[start : line.find(b'"', start)]


def _move(
    truth: Truth,
    lost: list[int],
    moved: list[int],
    bad: list[tuple[int, str, str]],
) -> Truth:
    where = pl.DataFrame({"line": range(len(moved)), "to": moved}, schema={"line": pl.Int64, "to": pl.Int64})
    ids = truth.conversations.join(where, on="line").group_by("to").agg(pl.col("conversation_id").first())

    def kept(frame: pl.DataFrame) -> pl.DataFrame:
        left = frame.filter(~pl.col("line").is_in(lost)).join(where, on="line", maintain_order="left")
        return left.with_columns(line="to").select(frame.columns)

    faults = pl.DataFrame(
        bad, schema={"line": pl.Int64, "kind": pl.String, "expected": pl.String}, orient="row"
    ).join(ids, left_on="line", right_on="to", how="left", maintain_order="left")
    return Truth(
        kept(truth.conversations),
        kept(truth.spans),
        kept(truth.labels),
        kept(truth.oddities),
        faults.select(BAD.names()),
    )
