"""Strings that are always masked, known by keyed digests of their words: a list that tells nobody whom it names.

A text is read word by word. The digest of a word's first entry is looked up, and only where it is known
the digest of the whole value is compared, so that a long list costs no more than a short one. Casing,
spacing and punctuation between words do not count, width and invisible characters neither.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable, Iterator

import polars as pl

from schemas.errors import InputError
from schemas.fields import SCRUB_DENY
from tasks.scrub.detect import PLACEHOLDER
from tasks.scrub.normalise import make_view
from tasks.scrub.spans import DECIDED_SCORE, Span

DENIED_TYPE = "PERSON"
"""Type of a denied value where none is said: such lists mostly name people."""
MIN_LETTERS = 3
"""Letters and digits that a value needs to be masked everywhere."""
_VALUE_HEX = 32
_FIRST_HEX = 8
_MAX_KNOWN_WORDS = 200_000
# scripts that write words without spaces between them are read letter by letter
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


class DenyList:
    """Finds denied values in texts; keeps digests only."""

    def __init__(self, key: bytes, rules: pl.DataFrame) -> None:
        """Take rules.

        Args:
            key: key of the digests.
            rules: schema `scrub_deny`.
        """
        self._key = key
        self._values: dict[str, tuple[str, str]] = {
            digest: (kind, source)
            for digest, kind, source in rules.select("value_hmac", "type", "source").iter_rows()
        }
        self._lengths: dict[str, set[int]] = {}
        for first, n_words in rules.select("first_hmac", "n_words").iter_rows():
            self._lengths.setdefault(first, set()).add(n_words)
        self._firsts: dict[str, str] = {}
        self.version = hashlib.sha256(
            "\n".join(f"{d} {t} {s}" for d, (t, s) in sorted(self._values.items())).encode()
        ).hexdigest()[:12]

    def __bool__(self) -> bool:
        """Whether there is anything to find."""
        return bool(self._values)

    def find(self, text: str, conversation_id: str = "") -> list[Span]:
        """Return where denied values stand, in code points of the text.

        Args:
            text: any text; placeholders in it are left alone.
            conversation_id: also finds what is denied in this conversation only.
        """
        if not self._values:
            return []
        view = make_view(text)
        holes = [m.span() for m in PLACEHOLDER.finditer(view.text)] if "<" in view.text else []
        words = [(m.group().casefold(), *m.span()) for m in _WORD.finditer(view.text)]
        spans: list[Span] = []
        for index, (word, start, _) in enumerate(words):
            for n_words in self._lengths.get(self._first(word), ()):
                piece = words[index : index + n_words]
                end = piece[-1][2]
                if len(piece) < n_words or any(a < end and start < b for a, b in holes):
                    continue
                rule = self._look_up([w for w, _, _ in piece], conversation_id)
                if rule is not None:
                    first, last = view.to_original(start, end) if view.starts else (start, end)
                    spans.append(Span(first, last, rule[0], DECIDED_SCORE, rule[1]))
        return spans

    def _look_up(self, words: list[str], conversation_id: str) -> tuple[str, str] | None:
        scopes = ("", conversation_id) if conversation_id else ("",)
        digests = (_digest_value(self._key, words, scope) for scope in scopes)
        return next((self._values[d] for d in digests if d in self._values), None)

    def _first(self, word: str) -> str:
        found = self._firsts.get(word)
        if found is None:
            if len(self._firsts) >= _MAX_KNOWN_WORDS:
                self._firsts.clear()
            found = self._firsts[word] = _digest_first(self._key, word)
        return found


def make_rules(
    key: bytes,
    values: Iterable[tuple[str, str, str]],
    *,
    source: str,
    now: dt.datetime,
) -> pl.DataFrame:
    """Return the rules that deny these values: schema `scrub_deny`, ordered by digest, each once.

    Args:
        key: key of the digests.
        values: value, type of its spans, and the conversation it is denied in (empty: everywhere).
        source: `deny_list` or `redaction`; stands as the recogniser in the audit table.
        now: when.
    """
    rows: dict[str, tuple[str, str, int, str, str, dt.datetime]] = {}
    for value, kind, scope in values:
        words = split_words(value)
        if words:
            digest = _digest_value(key, words, scope)
            rows[digest] = (digest, _digest_first(key, words[0]), len(words), kind, source, now)
    return pl.DataFrame([rows[d] for d in sorted(rows)], schema=SCRUB_DENY.polars_schema(), orient="row")


def merge_rules(older: pl.DataFrame, newer: pl.DataFrame) -> pl.DataFrame:
    """Return the union of two sets of rules; a known value keeps its first rule."""
    return (
        pl.concat([older, newer]).unique("value_hmac", keep="first", maintain_order=True).sort("value_hmac")
    )


def split_words(value: str) -> list[str]:
    """Return the words of a value in the form in which they are compared."""
    plain = unicodedata.normalize("NFKC", value)
    return [w.casefold() for w in _WORD.findall(make_view(plain).text)]


def read_values(text: str, name: str) -> Iterator[str]:
    """Yield the values of a list, one a line; blank lines and lines that start with `#` are passed over.

    Args:
        text: content of the file.
        name: its name, for messages.

    Raises:
        InputError: a value is too short to be masked everywhere; names the line, never the value.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        value = line.strip()
        if not value or value.startswith("#"):
            continue
        if not is_specific(value):
            raise InputError(
                f"{name}, line {number}: needs at least {MIN_LETTERS} letters or digits, or it would mask far too much"
            )
        yield value


def is_specific(value: str) -> bool:
    """Whether a value has enough letters to be masked wherever it stands."""
    words = split_words(value)
    # a sign of a script without spaces says more than a letter
    n = sum(2 if re.match(f"[{_UNSPACED}]", w) else len(w) for w in words)
    return n >= MIN_LETTERS


def _digest_value(key: bytes, words: Iterable[str], scope: str) -> str:
    data = f"deny value\0{scope}\0{' '.join(words)}".encode("utf-8", "surrogatepass")
    return hmac.digest(key, data, "sha256").hex()[:_VALUE_HEX]


def _digest_first(key: bytes, word: str) -> str:
    data = f"deny first\0{word}".encode("utf-8", "surrogatepass")
    return hmac.digest(key, data, "sha256").hex()[:_FIRST_HEX]


def covered_words(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the range of whole words that a range of a text touches, in at most one piece.

    Args:
        text: any text.
        start: first code point.
        end: one past the last.
    """
    view = make_view(text)
    words = [
        view.to_original(m.start(), m.end()) if view.starts else m.span() for m in _WORD.finditer(view.text)
    ]
    touched = [(a, b) for a, b in words if a < end and start < b]
    return [(touched[0][0], touched[-1][1])] if touched else []
