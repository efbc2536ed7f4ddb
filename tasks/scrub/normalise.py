"""A plain view of a text for the recognisers, and the way back to the original's code points.

Full-width letters, ligatures, invisible characters and look-alike letters of another script hide a name
from a pattern without hiding it from a reader. The view undoes them; every span found in the view is
mapped back, so offsets always count code points of the original.

Source: Unicode Standard Annex 15 (NFKC) and Unicode Technical Standard 39 (confusables; the letters
that have the same shape in Latin, Cyrillic and Greek).
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass

_PLACEHOLDER_NUMBER = re.compile(r"(?<=<)([A-Z_]{2,13})_\d{1,7}(?=>)")
_INVISIBLE = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\ufeff"
_STRANGE = re.compile(
    "[" + _INVISIBLE + "\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\U000e0000-\U000e01ef"
    "\u0370-\u03ff\u0400-\u04ff\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u2028\u2029\x0b\x1c-\x1f\x85\ud800-\udfff]"
)
_LATIN = {
    **dict(zip("аеорсухіѕјһԁԛԝАВЕЗКМНОРСТУХІЅЈԌ", "aeopcyxisjhdqwABE3KMHOPCTYXISJG", strict=True)),
    **dict(zip("ονιαρυκΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "oviapukABEZHIKMNOPTYX", strict=True)),
}  # fmt: skip
_MIXED_WORD = re.compile(r"[A-Za-z]+[\u0370-\u04ff][\w]*|[\u0370-\u04ff]+[A-Za-z][\w]*")


@dataclass(frozen=True, slots=True)
class View:
    """A normalised text and where its pieces come from.

    Attributes:
        text: what the recognisers read.
        starts: view offsets at which the shift changes, ascending; empty when the view is the original.
        origins: original offset of each of them.
        widths: original length of each piece; 0 for a plain stretch (one to one).
    """

    text: str
    starts: tuple[int, ...] = ()
    origins: tuple[int, ...] = ()
    widths: tuple[int, ...] = ()

    def to_original(self, start: int, end: int) -> tuple[int, int]:
        """Map a range of the view to the smallest range of the original that holds it."""
        if not self.starts:
            return start, end
        return self._left(start), self._right(end)

    def _left(self, offset: int) -> int:
        index = bisect_right(self.starts, offset) - 1
        if self.widths[index]:
            return self.origins[index]
        return self.origins[index] + offset - self.starts[index]

    def _right(self, end: int) -> int:
        # of the last character, not of what follows it: pieces dropped after it stay outside
        index = bisect_right(self.starts, end - 1) - 1
        if self.widths[index]:
            return self.origins[index] + self.widths[index]
        return self.origins[index] + end - self.starts[index]


def make_view(text: str) -> View:
    """Return the plain view of a text; the text itself where there is nothing to undo."""
    has_placeholder = "<" in text and _PLACEHOLDER_NUMBER.search(text) is not None
    if not has_placeholder and (
        (text.isascii() and not _STRANGE.search(text))
        or (unicodedata.is_normalized("NFKC", text) and not _STRANGE.search(text))
    ):
        return View(text)
    pieces = _Pieces()
    position = 0
    for match in _PLACEHOLDER_NUMBER.finditer(text):
        _add_plain(pieces, text, position, match.start())
        pieces.add(match.group(1), match.start(), match.end())
        position = match.end()
    _add_plain(pieces, text, position, len(text))
    return pieces.view()


class _Pieces:
    """Collects the view piece by piece, joining one-to-one stretches."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._starts: list[int] = []
        self._origins: list[int] = []
        self._widths: list[int] = []

    def add(self, replacement: str, start: int, end: int) -> None:
        """Append the view of `text[start:end]`."""
        if not replacement:
            return
        one_to_one = len(replacement) == end - start
        if not one_to_one:
            self._mark(start, end - start)
        elif (
            not self._starts
            or self._widths[-1]
            or self._origins[-1] + self._length - self._starts[-1] != start
        ):
            self._mark(start, 0)
        self._parts.append(replacement)
        self._length += len(replacement)

    def _mark(self, origin: int, width: int) -> None:
        self._starts.append(self._length)
        self._origins.append(origin)
        self._widths.append(width)

    def view(self) -> View:
        """Return the finished view."""
        return View("".join(self._parts), tuple(self._starts), tuple(self._origins), tuple(self._widths))


_CHANGED = re.compile(r"[^\x00-\x7f]+|[\x0b\x1c-\x1f]+")
_CLUSTER = re.compile(
    r".[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f\u1ab0-\u1aff\u20d0-\u20ff\u3099\u309a\ufe20-\ufe2f]*",
    re.DOTALL,
)


def _add_plain(pieces: _Pieces, text: str, start: int, end: int) -> None:
    """Add a stretch without placeholders: ASCII as it is, the rest cluster by cluster."""
    mixed = [m.span() for m in _MIXED_WORD.finditer(text, start, end)]
    position = start
    for match in _CHANGED.finditer(text, start, end):
        # a base letter belongs to the combining marks that follow it
        first = match.start()
        if first > position and unicodedata.combining(text[first]):
            first -= 1
        if first > position:
            pieces.add(text[position:first], position, first)
        for cluster in _CLUSTER.finditer(text, first, match.end()):
            in_mixed = bool(mixed) and any(a <= cluster.start() < b for a, b in mixed)
            pieces.add(_plain(cluster.group(), latin=in_mixed), cluster.start(), cluster.end())
        position = match.end()
    if position < end:
        pieces.add(text[position:end], position, end)


def _plain(cluster: str, *, latin: bool) -> str:
    if len(cluster) == 1:
        if _is_invisible(cluster):
            return ""
        if cluster in "\x0b\x1c\x1d\x1e\x1f\x85":
            return " "
        if cluster in "\u2028\u2029":
            return "\n"
        if "\ud800" <= cluster <= "\udfff":
            return "\ufffd"
        if latin and cluster in _LATIN:
            return _LATIN[cluster]
        if cluster.isdigit() and (value := unicodedata.decimal(cluster, None)) is not None:
            return str(value)
    plain = unicodedata.normalize("NFKC", cluster)
    return plain


def _is_invisible(char: str) -> bool:
    return (
        char in _INVISIBLE
        or "\u200b" <= char <= "\u200f"
        or "\u202a" <= char <= "\u202e"
        or "\u2060" <= char <= "\u206f"
        or "\ufe00" <= char <= "\ufe0f"
        or "\U000e0000" <= char <= "\U000e01ef"
    )
