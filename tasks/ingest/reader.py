"""The reader of raw exports: files in, pages of staged tables out, everything else counted.

Memory is bounded by one page, one record and the ids read so far.
"""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import polars as pl

from schemas.config import IngestSettings
from schemas.errors import InputError
from tasks.ingest.conversations import READERS, ExportedConversation
from tasks.ingest.dialects import accepting_dialect, adapters
from tasks.ingest.files import Opener, digest_inputs, read_records
from tasks.ingest.labels import LabelNames, known_labels
from tasks.ingest.outline import UNREADABLE, Outline, outline_record
from tasks.ingest.page import PageColumns, StagedPage, find_bad_values, resolve_labels
from tasks.ingest.parse import MAX_FAULTS, Fault, parse_record
from tasks.ingest.quarantine import QuarantineRow, check_quarantine_share, quarantine_frame, quarantine_row
from tasks.ingest.rows import Place, Rows, flatten
from tasks.ingest.sessions import part_session
from tasks.ingest.tally import Tally
from tasks.storage.inputs import InputFile

PAGE_MESSAGES = 40_000
"""Messages that are built and checked at a time: every look at a frame has a price of its own."""
_HOPELESS = 1_000
"""Quarantined conversations after which a file that is mostly bad stops the run early."""


class ExportReader:
    """Reads exports; iterate once for the pages, then read what was found.

    Attributes:
        digests: sha256 of each file by URI.
        n_lines: records read, blank lines left out.
        dialects: dialect to conversations staged.
        counted: rule that only counts to number of times.
    """

    def __init__(
        self,
        files: Sequence[InputFile],
        settings: IngestSettings,
        *,
        open_input: Opener,
        digests: Mapping[str, str] | None = None,
        labels: LabelNames | None = None,
        page_messages: int = PAGE_MESSAGES,
    ) -> None:
        """Prepare reading.

        Args:
            files: exports in the order in which they count (an id's first conversation is kept).
            settings: limits.
            open_input: opens a file's bytes; the stream must be able to seek.
            digests: result of `digest_inputs`, when it is known already.
            labels: spellings of known labels; by default those of the shipped taxonomies. A label of
                another name is kept as it is and counted.
            page_messages: messages from which on a page is full.
        """
        self._files = tuple(files)
        self.settings = settings
        self._open = open_input
        self._page_messages = page_messages
        self._labels = known_labels() if labels is None else labels
        self.digests: Mapping[str, str] = digests or {}
        self.n_lines = 0
        self.dialects: Counter[str] = Counter()
        self.counted: Counter[str] = Counter()
        self.dialect_of: dict[str, str] = {}
        self.n_found_in: Counter[str] = Counter()
        self._uri = ""
        self._tally = Tally()
        self._faults: list[QuarantineRow] = []
        self._digest_of: dict[str, int] = {}
        self._session_of: dict[object, tuple[object, ...]] = {}
        self._columns = PageColumns()

    def __iter__(self) -> Iterator[StagedPage]:
        """Yield the pages.

        Raises:
            InputError: a file cannot be read, is damaged, mixes dialects or has none that is known.
            DataError: nearly everything is bad.
        """
        if not self.digests:
            self.digests = digest_inputs(self._files, open_input=self._open)
        conversations = self._read_files()
        is_more = True
        while is_more:
            is_more = self._fill_page(conversations)
            yield from self._finish_page()

    @property
    def quarantine(self) -> pl.DataFrame:
        """`QUARANTINE` of what was found so far."""
        return quarantine_frame(self._faults)

    @property
    def funnel(self) -> pl.DataFrame:
        """`FUNNEL` rows of this stage."""
        return self._tally.funnel()

    @property
    def n_conversations(self) -> int:
        """Conversations read, good and bad; an unreadable record counts as one."""
        return self._tally.conversations.n_in

    @property
    def n_quarantined(self) -> int:
        """Conversations held back."""
        return self._tally.conversations.n_quarantined

    @property
    def n_duplicates(self) -> int:
        """Conversations removed because the same content was read before."""
        return self._tally.conversations.n_removed

    def _read_files(self) -> Iterator[Rows]:
        for file in self._files:
            for place, data in read_records(
                file, self.digests[file.uri], self.settings, open_input=self._open, counted=self.counted
            ):
                self.n_lines += 1
                self._uri = file.uri
                self.dialect_of.setdefault(file.uri, place.dialect)
                yield from self._read_record(place, data)

    def _read_record(self, place: Place, data: bytes | None) -> Iterator[Rows]:
        dialect = place.dialect
        if data is None:
            self._quarantine(place, [Fault("line.too_long")], [UNREADABLE])
            return
        parsed = parse_record(adapters()[dialect], data)
        if isinstance(parsed, dict):
            yield from self._admit(READERS[dialect](parsed), place)
            return
        other = accepting_dialect(data)
        if other is not None and other != dialect:
            raise InputError(
                f"{place.file}: mixed dialects: line {place.line} is {other}, but the file began "
                f"as {dialect}; split it by dialect"
            )
        parted = part_session(data, parsed) if dialect == "session" else None
        if parted is None:
            self._quarantine(place, parsed, outline_record(dialect, data))
            return
        yield from self._admit(parted.conversations, place)
        for outline, faults in parted.faulty:
            self._quarantine(place, faults, [outline])

    def _is_taken(self, rows: Rows) -> bool:
        """Whether the session id belongs to another session; one session may span several documents."""
        if rows.place.dialect != "session":
            return False
        session = rows.header[5]
        header = (rows.header[1], *rows.header[8:12])
        return self._session_of.setdefault(session, header) != header

    def _admit(self, conversations: Iterable[ExportedConversation], place: Place) -> Iterator[Rows]:
        """Yield the conversations that are new."""
        for conversation in conversations:
            self.n_found_in[self._uri] += 1
            rows = flatten(conversation, place)
            if self._is_taken(rows):
                fault = Fault("conversation.duplicate_id", ("session_id",))
                self._quarantine(place, [fault], [rows.outline])
                continue
            key, digest = rows.key, rows.digest()
            known = self._digest_of.get(key)
            if known is None:
                self._digest_of[key] = digest
                yield rows
            elif known == digest:
                self._tally.remove(rows.outline)
                self.counted["conversation.duplicate"] += 1
            else:
                fault = Fault("conversation.duplicate_id", rows.location)
                self._quarantine(place, [fault], [rows.outline])

    def _fill_page(self, conversations: Iterator[Rows]) -> bool:
        """Fill a page; return whether there may be another one."""
        # what is parsed has no cycles and stays for a page: the collector would walk through all of it again
        # and again, for a third of the time
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            for rows in conversations:
                self._columns.add(rows)
                if self._columns.n_messages >= self._page_messages:
                    return True
            return False
        finally:
            if was_enabled:
                gc.enable()

    def _finish_page(self) -> Iterator[StagedPage]:
        columns, self._columns = self._columns, PageColumns()
        page = columns.build()
        bad: dict[str, list[Fault]] = {}
        for key, fault in find_bad_values(page):
            bad.setdefault(key, []).append(fault)
        if bad:
            self._hold_back(page, columns, bad)
            page = page.without(list(bad))
        if not page.conversations.height:
            return
        page, n_unknown = resolve_labels(page, self._labels)
        self.counted["label.unknown"] += n_unknown
        self._tally.stage(page)
        self.dialects.update(dict(page.conversations["dialect"].value_counts().rows()))
        yield page

    def _hold_back(self, page: StagedPage, columns: PageColumns, bad: Mapping[str, list[Fault]]) -> None:
        for row in page.conversations.filter(pl.col("conversation_key").is_in(list(bad))).rows(named=True):
            key = row["conversation_key"]
            place, location = columns.places[key]
            n_messages, n_thoughts = (
                frame.filter(pl.col("conversation_key") == key).height
                for frame in (page.messages, page.thoughts)
            )
            faults = [replace(fault, location=location + fault.location) for fault in bad[key]]
            outline = Outline(key, row["participant_key"], n_messages, n_thoughts)
            self._quarantine(place, faults, [outline])

    def _quarantine(self, place: Place, faults: list[Fault], outlines: Iterable[Outline]) -> None:
        """Count conversations as read, and hold them back."""
        for outline in outlines:
            self._tally.quarantine(outline)
            self._faults.extend(quarantine_row(place, outline.key, fault) for fault in faults[:MAX_FAULTS])
        n_read = self.n_conversations + len(self._columns.places)
        if self.n_quarantined >= _HOPELESS and self.n_quarantined > 0.5 * n_read:
            check_quarantine_share(self.quarantine, n_read, self.settings, self.n_quarantined)
