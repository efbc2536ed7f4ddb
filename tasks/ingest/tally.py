"""Row accounting while an export is read: in = out + quarantined + removed, for every table."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from schemas.fields import FUNNEL
from tasks.ingest.outline import Outline
from tasks.ingest.page import StagedPage


@dataclass(slots=True)
class _Count:
    n_in: int = 0
    n_quarantined: int = 0
    n_removed: int = 0

    def row(self, table: str) -> tuple[str, str, int, int, int, int]:
        n_out = self.n_in - self.n_quarantined - self.n_removed
        return ("ingest", table, self.n_in, n_out, self.n_quarantined, self.n_removed)


@dataclass(slots=True)
class Tally:
    """Counts of conversations, messages and thoughts, and who took part.

    A record that cannot be read counts as one conversation with no messages.
    """

    conversations: _Count = field(default_factory=_Count)
    messages: _Count = field(default_factory=_Count)
    thoughts: _Count = field(default_factory=_Count)
    _seen: set[str] = field(default_factory=set[str])
    _kept: set[str] = field(default_factory=set[str])

    def stage(self, page: StagedPage) -> None:
        """Count the rows of a page as read and kept."""
        self.conversations.n_in += page.conversations.height
        self.messages.n_in += page.messages.height
        self.thoughts.n_in += page.thoughts.height
        participants = set(page.conversations["participant_key"].unique())
        self._seen |= participants
        self._kept |= participants

    def quarantine(self, outline: Outline) -> None:
        """Count a conversation as read and held back."""
        self._read(outline)
        self.conversations.n_quarantined += 1
        self.messages.n_quarantined += outline.n_messages
        self.thoughts.n_quarantined += outline.n_thoughts

    def remove(self, outline: Outline) -> None:
        """Count a conversation as read and removed as a copy."""
        self._read(outline)
        self.conversations.n_removed += 1
        self.messages.n_removed += outline.n_messages
        self.thoughts.n_removed += outline.n_thoughts

    def funnel(self) -> pl.DataFrame:
        """Return the `FUNNEL` rows of the stage."""
        n_held = len(self._seen - self._kept)
        rows = [
            ("ingest", "participants", len(self._seen), len(self._kept), n_held, 0),
            self.conversations.row("conversations"),
            self.messages.row("messages"),
            self.thoughts.row("thoughts"),
        ]
        return pl.DataFrame(rows, schema=FUNNEL.polars_schema(), orient="row")

    def _read(self, outline: Outline) -> None:
        self.conversations.n_in += 1
        self.messages.n_in += outline.n_messages
        self.thoughts.n_in += outline.n_thoughts
        if outline.participant_key is not None:
            self._seen.add(outline.participant_key)
