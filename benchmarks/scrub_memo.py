"""How much of the scrubber's time a second release of the same texts takes: `python -m benchmarks.scrub_memo`.

Generated conversations are scrubbed once, again as they are, and again with 1 % new ones; CPU seconds of one core.
"""

from __future__ import annotations

import argparse
import io
import json
import time

import polars as pl

from schemas.config import IngestSettings, PrivacySettings
from tasks.assemble.items import list_items
from tasks.ingest.reader import ExportReader
from tasks.scrub.memo import SpanMemo
from tasks.scrub.scrubber import Scrubber
from tasks.storage.inputs import InputFile
from tasks.synth.export import generate

KEY = b"benchmark key of thirty-two byte"


def read_items(n: int, seed: int, *, short: bool = False) -> pl.DataFrame:
    """Return the texts of generated conversations as the scrubber takes them."""
    data = b"\n".join(generate(n, seed, "published", short=short).lines())
    file = InputFile("memory/0", "export.jsonl", len(data))
    reader = ExportReader(
        [file],
        IngestSettings(),
        open_input=lambda _: io.BufferedReader(io.BytesIO(data)),
        page_messages=10**9,
    )
    (page,) = list(reader)
    ids = page.conversations.select(
        "conversation_key",
        conversation_id=pl.format("{}_{}", pl.lit(f"seed{seed}"), "source_id"),
        participant_id="participant_key",
    )
    return list_items(page.conversations, page.messages, page.thoughts, ids)


def main() -> None:
    """Measure and print one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=300)
    parser.add_argument("--short", action="store_true", help="Short messages.")
    given = parser.parse_args()
    n = given.conversations
    items = read_items(n, 5, short=given.short)
    fresh = read_items(max(1, n // 100), 6, short=given.short)
    scrubber = Scrubber(PrivacySettings(), "strict", KEY)
    scrubber.scrub(fresh)  # loads and warms what a process loads once
    first = SpanMemo(KEY, scrubber.engine)
    seconds: dict[str, float] = {}
    with_new = pl.concat([items, fresh])
    for name, texts in (("first", items), ("again", items), ("one_percent_new", with_new)):
        memo = first if name == "first" else SpanMemo(KEY, scrubber.engine, first.fresh_rows())
        start = time.process_time()
        scrubber.scrub(texts, memo)
        seconds[name] = round(time.process_time() - start, 2)
    print(
        json.dumps(
            {
                "n_texts": items.height,
                "kb": round(items["text"].str.len_bytes().sum() / 1e3),
                "n_distinct": items["text"].n_unique(),
                "kb_distinct": round(items["text"].unique().str.len_bytes().sum() / 1e3),
                "cpu_s": seconds,
            }
        )
    )


if __name__ == "__main__":
    main()
