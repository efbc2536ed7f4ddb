"""Recognisers of a project's settings, run by RE2, whose time is linear whatever the pattern."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from schemas.config import CustomRecognizer
from schemas.errors import ConfigError
from tasks.scrub.spans import SPAN_TYPES, Span

_MAX_MEMORY = 1 << 28


class OwnRecognizers:
    """Finds what the settings name."""

    def __init__(self, custom: Sequence[CustomRecognizer]) -> None:
        """Compile.

        Args:
            custom: recognisers of the settings.

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
        self.versions = {c.name: f"own-{hash_of(c.pattern, c.type, repr(c.score))}" for c in custom}

    def find(self, text: str) -> list[Span]:
        """Return the spans of a text."""
        return [
            Span(match.start(), match.end(), recognizer.type, recognizer.score, recognizer.name)
            for recognizer, pattern in self._custom
            for match in pattern.finditer(text)
            if match.end() > match.start()
        ]


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
