from __future__ import annotations

import json
import random

from tasks.assemble.records import compress_records, read_records


def make_lines(n: int, rng: random.Random) -> list[bytes]:
    words = [f"w{i}" for i in range(5000)]
    return [
        json.dumps({"id": i, "content": " ".join(rng.choices(words, k=80))}).encode() + b"\n"
        for i in range(n)
    ]


def test_records_come_back_line_by_line() -> None:
    lines = make_lines(200, random.Random(1))
    assert list(read_records(compress_records(lines))) == lines
    assert list(read_records(compress_records([]))) == []


def test_the_same_records_give_the_same_bytes_however_they_arrive() -> None:
    # more than one of the pieces that zstd works on
    lines = make_lines(40_000, random.Random(2))
    whole = b"".join(lines)
    assert len(whole) > 16_000_000
    first = compress_records(lines)
    assert compress_records(iter(lines)) == first
    assert compress_records([whole]) == first
    assert compress_records(whole[i : i + 777_777] for i in range(0, len(whole), 777_777)) == first
