"""Recognisers of a project's settings: own patterns, and a list of strings that are always masked.

Both run on RE2, whose time is linear whatever the pattern.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schemas.config import CustomRecognizer
from schemas.errors import ConfigError
from tasks.scrub.spans import SPAN_TYPES, Span

_DENY_CHUNK = 2_000
_MAX_MEMORY = 1 << 28


class OwnRecognizers:
    """Finds what the settings name."""

    def __init__(self, custom: Sequence[CustomRecognizer], deny: Sequence[str]) -> None:
        """Compile.

        Args:
            custom: recognisers of the settings.
            deny: strings that are always masked, in any casing.

        Raises:
            ConfigError: a pattern that RE2 cannot compile, an unknown type, or an example that fails.
        """
        import re2

        options = re2.Options()
        options.log_errors = False
        options.max_mem = _MAX_MEMORY
        self._custom: list[tuple[CustomRecognizer, Any]] = []
        for recognizer in custom:
            if recognizer.type not in SPAN_TYPES:
                raise ConfigError(f"recogniser {recognizer.name}: unknown type {recognizer.type}")
            try:
                pattern = re2.compile(recognizer.pattern, options=options)
            except re2.error:
                raise ConfigError(f"recogniser {recognizer.name}: RE2 cannot compile its pattern") from None
            _prove(recognizer, pattern)
            self._custom.append((recognizer, pattern))
        words = sorted({" ".join(d.split()) for d in deny if d.strip()}, key=lambda w: (-len(w), w))
        self._deny: list[Any] = []
        for start in range(0, len(words), _DENY_CHUNK):
            alternatives = "|".join(
                re2.escape(w).replace("\\ ", r"\s{1,3}") for w in words[start : start + _DENY_CHUNK]
            )
            self._deny.append(re2.compile(f"(?i)(?:{alternatives})", options=options))
        self.versions = {
            **{c.name: f"own-{hash_of(c.pattern, c.type, repr(c.score))}" for c in custom},
            "deny_list": f"own-{hash_of(*words)}",
        }

    def find(self, text: str) -> list[Span]:
        """Return the spans of a text; a denied string counts only as a whole word."""
        spans = [
            Span(*match.span(), recognizer.type, recognizer.score, recognizer.name)
            for recognizer, pattern in self._custom
            for match in pattern.finditer(text)
            if match.end() > match.start()
        ]
        for pattern in self._deny:
            for match in pattern.finditer(text):
                start, end = match.span()
                before, after = text[start - 1 : start] if start else "", text[end : end + 1]
                if not (before.isalnum() or after.isalnum()):
                    spans.append(Span(start, end, "PERSON", 1.0, "deny_list"))
        return spans


def hash_of(*parts: str) -> str:
    """Return a short digest of strings, for fingerprints."""
    import hashlib

    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _prove(recognizer: CustomRecognizer, pattern: Any) -> None:
    """Run the examples of a recogniser."""
    for text in recognizer.must:
        if not pattern.search(text):
            raise ConfigError(f"recogniser {recognizer.name}: a `must` example does not match")
    for text in recognizer.must_not:
        if pattern.search(text):
            raise ConfigError(f"recogniser {recognizer.name}: a `must_not` example matches")
