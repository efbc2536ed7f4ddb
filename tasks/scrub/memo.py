"""Remembers what was found in a text under a keyed digest, so that a text is read once for all releases.

The memo holds offsets, never text; without the key a digest says nothing, and a new engine version finds
nothing in it. Texts are remembered as they came and as they stand after redaction: both are read.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Literal

import polars as pl

from schemas.fields import SCRUB_MEMO
from tasks.scrub.language import Language
from tasks.scrub.spans import Span

Reading = Literal["original", "redacted"]
_DIGEST_HEX = 40


def text_hmac(key: bytes, text: str, reading: Reading = "original") -> str:
    """Return the digest under which a text is remembered (HMAC-SHA-256, 160 bits)."""
    data = text.encode("utf-8", "surrogatepass")
    return hmac.digest(key, f"scrub memo {reading}\0".encode() + data, hashlib.sha256).hex()[:_DIGEST_HEX]


class SpanMemo:
    """What an engine found in texts seen before, and what was added since; one for each shard."""

    def __init__(self, key: bytes, engine: str, rows: pl.DataFrame | None = None) -> None:
        """Take a memo.

        Args:
            key: secret of the digests.
            engine: version of the engine; rows of another one are passed over.
            rows: schema `scrub_memo`.
        """
        self._key = key
        self._engine = engine
        known = SCRUB_MEMO.empty() if rows is None else rows.filter(pl.col("engine") == engine)
        self._known = known.select(SCRUB_MEMO.columns)
        self._fresh: dict[str, tuple[str, str, bool]] = {}

    def look_up(
        self, texts: Iterable[str], reading: Reading = "original"
    ) -> dict[str, tuple[list[Span], Language]]:
        """Return what is known of texts; unknown ones are missing."""
        texts = list(texts)
        digests = pl.DataFrame(
            {"number": range(len(texts)), "key": [text_hmac(self._key, t, reading) for t in texts]},
            schema={"number": pl.Int64, "key": pl.String},
        )
        hits = digests.join(self._known, on="key").select("number", "spans", "language", "is_judged")
        found = {texts[n]: _decode(spans, code, judged) for n, spans, code, judged in hits.iter_rows()}
        for number, digest in digests.iter_rows():
            if digest in self._fresh:
                found[texts[number]] = _decode(*self._fresh[digest])
        return found

    def remember(
        self, entries: Mapping[str, tuple[list[Span], Language]], reading: Reading = "original"
    ) -> None:
        """Add what was found."""
        for text, (spans, language) in entries.items():
            entry = (json.dumps(spans, separators=(",", ":")), language.code, language.is_judged)
            self._fresh[text_hmac(self._key, text, reading)] = entry

    def fresh_rows(self) -> pl.DataFrame:
        """Return what was added since the memo was read: schema `scrub_memo`, ordered by digest."""
        rows = [(digest, self._engine, *entry) for digest, entry in sorted(self._fresh.items())]
        return pl.DataFrame(rows, schema=SCRUB_MEMO.polars_schema(), orient="row")


def _decode(spans: str, language: str, is_judged: bool) -> tuple[list[Span], Language]:
    return [Span(*fields) for fields in json.loads(spans)], Language(language, is_judged=is_judged)
