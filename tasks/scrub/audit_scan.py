"""A second look at the built files by an engine that shares nothing with the recognisers.

Works on tokens instead of patterns: splits at white space and punctuation, then asks what a token *is*,
with the standard library's address parser, libphonenumber's own text matcher, arithmetic check digits and
a decoder. It is narrower than the scrubber and rarely wrong: one critical hit stops a release.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import polars as pl

ENGINE = "token-audit 1 (ipaddress, libphonenumber matcher, check digits, token decoders)"
CRITICAL = ("email", "payment_card", "iban", "us_ssn", "credential", "recruitment_id")
WARNING = ("phone", "public_ip")
_EDGES = "\"'`<>()[]{}.,;:!?*_|\\/=#&"
_CUTS = "\"'`<>()[]{},;|\\=&\u200b"
_KEY_STARTS = ("AKIA", "ASIA", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "sk_live_", "rk_live_", "AIza", "npm_", "hf_", "SG.")  # fmt: skip
_MIN_KEY = 20
_SHORTEST = 6
_WORD_LENGTH = 40
_SLICE = 10_000
_BATCH_CHARS = 1 << 19
"""Characters from which on texts are looked at together."""
_RUN = re.compile(r"[0-9](?:[0-9]|[ -](?=[0-9])){10,}")
"""Digits with single spaces or hyphens between them, as long as a social security number at least."""
_DIGEST_LENGTH = 32
_DIGEST = re.compile(rf"\b(?=[0-9]*[a-f])[0-9a-f]{{{_DIGEST_LENGTH},}}\b")
"""A digest in hexadecimal: one in some thousands holds digits that look like a card, and a release has hundreds."""
_PLUS_NUMBER = re.compile(r"\+[^\w\n]{0,4}\d(?:[^\w\n]{0,4}\d){6,24}")
"""A plus and at least seven digits; between them the few signs that people write there."""
_CARD_DIGITS = 15
_AROUND = 3
_ID_WORD = re.compile(r"\w{6,}")
_HEX = frozenset("0123456789abcdef")


def scan_texts(frame: pl.DataFrame) -> dict[str, Any]:
    """Scan every text column of a table.

    Args:
        frame: any columns; strings and lists of strings are read, names ending in `_id`, `_sha256` or
            `_hmac` are keys and left out.

    Returns:
        engine, n_texts, n_chars, critical and warnings (kind to count), by_column (column to counts); no text.
    """
    by_column: dict[str, Counter[str]] = {}
    n_texts = n_chars = 0
    for name, dtype in frame.schema.items():
        if name.endswith(("_id", "_sha256", "_hmac")):
            continue
        if dtype == pl.List(pl.String):
            column = frame[name].explode()
        elif dtype == pl.String:
            column = frame[name]
        else:
            continue
        values = column.drop_nulls().unique()
        # a whole column as Python strings would be the largest thing in memory
        slices = (values.slice(start, _SLICE) for start in range(0, values.len(), _SLICE))
        counts, n_column_texts, n_column_chars = _count(value for part in slices for value in part.to_list())
        n_texts += n_column_texts
        n_chars += n_column_chars
        if counts:
            by_column[name] = counts
    return _report(by_column, n_texts, n_chars)


def scan_lines(name: str, lines: Iterable[str]) -> dict[str, Any]:
    """Scan a text file (report, card, JSONL, log) line by line; the result is that of `scan_texts`."""
    counts, n_texts, n_chars = _count(lines)
    return _report({name: counts} if counts else {}, n_texts, n_chars)


def count_known_ids(texts: Iterable[str], ids: Collection[str]) -> int:
    """Return how often ids that must not be released stand in texts, as words of their own.

    Args:
        texts: any texts, keys included.
        ids: recruitment ids and keys of sessions.
    """
    known = {i.casefold() for i in ids}
    if not known:
        return 0
    return sum(word in known for text in texts for word in _ID_WORD.findall(text.casefold()))


def _report(by_column: dict[str, Counter[str]], n_texts: int, n_chars: int) -> dict[str, Any]:
    total: Counter[str] = Counter()
    for counts in by_column.values():
        total.update(counts)
    return {
        "engine": ENGINE,
        "n_texts": n_texts,
        "n_chars": n_chars,
        "critical": {kind: total[kind] for kind in CRITICAL},
        "warnings": {kind: total[kind] for kind in WARNING},
        "by_column": {name: dict(sorted(counts.items())) for name, counts in sorted(by_column.items())},
    }


def scan_text(text: str) -> list[str]:
    """Return the kind of each hit in one text."""
    return list(count_hits([text]).elements())


def count_hits(texts: Sequence[str]) -> Counter[str]:
    """Return the hits in some texts by kind.

    Words and runs of digits are looked for in all texts at once: most of them are in many texts, and clean.
    """
    hits: Counter[str] = Counter()
    # white space ends a word and a run of digits, so that nothing reaches from one text into the next
    joined = "\n".join(texts)
    hits.update(_digit_groups(joined))
    for sign in _CUTS:
        joined = joined.replace(sign, " ")
    words = joined.split()
    kinds: dict[str, str] = {}
    for word in set(words):
        if (kind := _judge_word(word) if len(word) <= _WORD_LENGTH else _judge_token(word)) is not None:
            kinds[word] = kind
    if kinds:
        hits.update(kinds[word] for word in words if word in kinds)
    for text in texts:
        if "-----BEGIN" in text and "PRIVATE KEY-----" in text:
            hits["credential"] += 1
        hits.update(_phones(text))
    return hits


def _count(texts: Iterable[str]) -> tuple[Counter[str], int, int]:
    """Return the hits, the number of texts and that of characters."""
    hits: Counter[str] = Counter()
    n_texts = n_chars = 0
    for batch in _in_batches(texts):
        hits.update(count_hits(batch))
        n_texts += len(batch)
        n_chars += sum(map(len, batch))
    return hits, n_texts, n_chars


def _in_batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= _BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _judge_token(token: str) -> str | None:
    bare = token.strip(_EDGES)
    return _judge(bare) if len(bare) >= _SHORTEST else None


# most words of a text were seen before; long tokens are rare, and would fill the memory
_judge_word = lru_cache(maxsize=1 << 16)(_judge_token)


def _judge(token: str) -> str | None:
    if "@" in token:
        return "email" if _is_email(token) else None
    if token.startswith(_KEY_STARTS) and len(token) >= _MIN_KEY and any(c.isdigit() for c in token):
        return "credential"
    if token.startswith("ey") and _is_web_token(token):
        return "credential"
    if len(token) == 24 and set(token) <= _HEX and any(c.isdigit() for c in token) and not token.isdigit():
        return "recruitment_id"
    if token[:2].isalpha() and token[:2].isupper() and _is_account(token):
        return "iban"
    if token.count(".") == 3 and _is_public_ip(token):
        return "public_ip"
    return None


def _is_email(token: str) -> bool:
    name, _, domain = token.rpartition("@")
    labels = domain.split(".")
    return bool(
        name
        and len(labels) >= 2
        and all(label.replace("-", "").isalnum() for label in labels)
        and labels[-1].isalpha()
        and len(labels[-1]) >= 2
        and any(c.isalnum() for c in name)
    )


def _is_web_token(token: str) -> bool:
    """Whether the first part decodes to a JSON object, as that of a JSON web token does."""
    head, dot, _ = token.partition(".")
    if not dot:
        return False
    try:
        return isinstance(json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4))), dict)
    except (ValueError, binascii.Error):
        return False


def _is_account(token: str) -> bool:
    if not (15 <= len(token) <= 34 and token.isalnum() and token.isascii() and token[2:4].isdigit()):
        return False
    number = 0
    for char in (token[4:] + token[:4]).upper():
        value = int(char, 36)
        number = (number * (100 if value > 9 else 10) + value) % 97
    return number == 1


def _is_public_ip(token: str) -> bool:
    try:
        return ipaddress.IPv4Address(token).is_global
    except ValueError:
        return False


def _digit_groups(text: str) -> Iterator[str]:
    for run in _long_runs(text):
        groups = run.replace("-", " ").split()
        number = "".join(groups)
        sizes = [len(g) for g in groups]
        if (
            sizes == [3, 2, 4]
            and run.count("-") == 2
            and groups[0] not in {"000", "666"}
            and groups[0] < "900"
        ):
            yield "us_ssn"
        elif (
            sizes in ([16], [_CARD_DIGITS], [4, 4, 4, 4], [4, 6, 5])
            and number[0] in "3456"
            and len(set(number)) > 3
            and _sums_to_ten(number)
        ):
            yield "payment_card"


def _long_runs(text: str) -> Iterator[str]:
    """Runs of digits as long as a card's, or with hyphens as long as a social security number's."""
    left, around = 0, ""
    for found in _RUN.finditer(text):
        if not _is_long(found.group()):
            continue
        # most runs stand in nothing that could be a digest; a long one is looked at once for all its runs
        if not (left <= found.start() and found.end() <= left + len(around)):
            left, around = _without_digests(text, found.start(), found.end())
        rest = around[found.start() - left : found.end() - left]
        yield from filter(_is_long, _RUN.findall(rest))


def _is_long(run: str) -> bool:
    return len(run) >= _CARD_DIGITS or "-" in run


def _without_digests(text: str, start: int, end: int) -> tuple[int, str]:
    """Widen a place by the hexadecimal digits beside it; return where it begins then, and it with digests blanked."""
    left, right = start, end
    while left and text[left - 1] in _HEX:
        left -= 1
    while right < len(text) and text[right] in _HEX:
        right += 1
    if right - left < _DIGEST_LENGTH:
        return left, text[left:right]
    # one more at both ends tells whether it is a word of its own
    first = max(0, left - 1)
    blanked = _DIGEST.sub(lambda m: " " * len(m.group()), text[first : right + 1])
    return left, blanked[left - first : right - first]


def _sums_to_ten(number: str) -> bool:
    total = 0
    for position, char in enumerate(number[::-1]):
        digit = int(char) << (position & 1)
        total += digit // 10 + digit % 10
    return total % 10 == 0


def _phones(text: str) -> Iterator[str]:
    """International numbers, as libphonenumber itself finds them in running text."""
    if "+" not in text:
        return
    from phonenumbers import Leniency, PhoneNumberMatcher

    # the matcher reads a page in milliseconds, so it gets the places that may hold a number
    for place in _PLUS_NUMBER.finditer(text):
        around = text[max(0, place.start() - _AROUND) : place.end() + _AROUND]
        for match in PhoneNumberMatcher(around, None, leniency=Leniency.VALID):
            if match.raw_string.startswith("+"):
                yield "phone"
