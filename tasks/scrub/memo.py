"""Remembers what was found in a text under a keyed digest, so that a text is read once for all releases.

The memo holds offsets, never text; without the key a digest says nothing, and a new engine version finds
nothing in it. Texts are remembered as they came and as they stand after redaction: both are read.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import polars as pl

from schemas.fields import SCRUB_MEMO
from tasks.scrub.language import UNDETERMINED, Language
from tasks.scrub.spans import Span

Reading = Literal["original", "redacted"]
_DIGEST_HEX = 40


class Found(NamedTuple):
    """What was found in one text, whatever the conversation says elsewhere.

    Attributes:
        spans: candidates of any score.
        language: its language.
        sensitive: kinds of sensitive content.
    """

    spans: list[Span]
    language: Language = Language(UNDETERMINED, is_judged=True)
    sensitive: tuple[str, ...] = ()


_Entry = tuple[str, str, bool, list[str]]


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
        self._fresh: dict[str, _Entry] = {}

    def look_up(self, texts: Iterable[str], reading: Reading = "original") -> dict[str, Found]:
        """Return what is known of texts; unknown ones are missing."""
        texts = list(texts)
        digests = pl.DataFrame(
            {"number": range(len(texts)), "key": [text_hmac(self._key, t, reading) for t in texts]},
            schema={"number": pl.Int64, "key": pl.String},
        )
        hits = digests.join(self._known, on="key").drop("key", "engine")
        found = {texts[row[0]]: _decode(*row[1:]) for row in hits.iter_rows()}
        for number, digest in digests.iter_rows():
            if digest in self._fresh:
                found[texts[number]] = _decode(*self._fresh[digest])
        return found

    def remember(self, entries: Mapping[str, Found], reading: Reading = "original") -> None:
        """Add what was found."""
        for text, found in entries.items():
            spans = json.dumps(found.spans, separators=(",", ":"))
            entry = (spans, found.language.code, found.language.is_judged, list(found.sensitive))
            self._fresh[text_hmac(self._key, text, reading)] = entry

    def fresh_rows(self) -> pl.DataFrame:
        """Return what was added since the memo was read: schema `scrub_memo`, ordered by digest."""
        rows = [(digest, self._engine, *entry) for digest, entry in sorted(self._fresh.items())]
        return pl.DataFrame(rows, schema=SCRUB_MEMO.polars_schema(), orient="row")


def _decode(spans: str, language: str, is_judged: bool, sensitive: list[str]) -> Found:
    found = [Span(*fields) for fields in json.loads(spans)]
    return Found(found, Language(language, is_judged=is_judged), tuple(sensitive))
