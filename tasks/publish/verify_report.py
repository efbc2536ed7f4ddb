"""What a verification says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: key of the file.
        what: what is wrong with it.
    """

    path: str
    what: str


@dataclass(slots=True)
class VerifyReport:
    """What a verification saw.

    Attributes:
        version: which release.
        n_files: files read.
        n_bytes: bytes read.
        problems: everything that is wrong, most telling first.
        notes: what a reader should know though nothing is wrong.
    """

    version: str
    n_files: int
    n_bytes: int
    problems: list[Problem]
    notes: list[str]

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems
