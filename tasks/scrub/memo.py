"""Remembers what was found in a text under a keyed digest, so that a text is read once for all releases.

The memo holds offsets, never text; without the key a digest says nothing, and a new engine version finds
nothing in it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping

import polars as pl

from schemas.fields import SCRUB_MEMO
from tasks.scrub.language import Language
from tasks.scrub.spans import Span

_DIGEST_HEX = 40


def text_hmac(key: bytes, text: str) -> str:
    """Return the digest under which a text is remembered (HMAC-SHA-256, 160 bits)."""
    data = text.encode("utf-8", "surrogatepass")
    return hmac.new(key, b"scrub memo\0" + data, hashlib.sha256).hexdigest()[:_DIGEST_HEX]


class SpanMemo:
    """What an engine found in texts seen before, and what was added in this process."""

    def __init__(self, key: bytes, engine: str, rows: pl.DataFrame | None = None) -> None:
        """Read a memo.

        Args:
            key: secret of the digests.
            engine: version of the engine; rows of another one are passed over.
            rows: schema `scrub_memo`.
        """
        self._key = key
        self._engine = engine
        self._known: dict[str, tuple[str, str, bool]] = {}
        if rows is not None:
            for digest, spans, language, is_judged in (
                rows.filter(pl.col("engine") == engine)
                .select("text_hmac", "spans", "language", "is_judged")
                .iter_rows()
            ):
                self._known[digest] = (spans, language, is_judged)
        self._fresh: dict[str, tuple[str, str, bool]] = {}

    def look_up(self, texts: Iterable[str]) -> dict[str, tuple[list[Span], Language]]:
        """Return what is known of texts; unknown ones are missing."""
        found: dict[str, tuple[list[Span], Language]] = {}
        for text in texts:
            entry = self._known.get(text_hmac(self._key, text))
            if entry is not None:
                spans = [Span(*fields) for fields in json.loads(entry[0])]
                found[text] = (spans, Language(entry[1], is_judged=entry[2]))
        return found

    def remember(self, entries: Mapping[str, tuple[list[Span], Language]]) -> None:
        """Add what was found."""
        for text, (spans, language) in entries.items():
            entry = (json.dumps(spans, separators=(",", ":")), language.code, language.is_judged)
            digest = text_hmac(self._key, text)
            self._known[digest] = self._fresh[digest] = entry

    def fresh_rows(self) -> pl.DataFrame:
        """Return what was added since the memo was read: schema `scrub_memo`, ordered by digest."""
        rows = [(digest, self._engine, *entry) for digest, entry in sorted(self._fresh.items())]
        return pl.DataFrame(rows, schema=SCRUB_MEMO.polars_schema(), orient="row")
