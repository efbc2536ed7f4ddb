"""What may cross a task boundary: references to files, never frames, text or clients."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArtifactRef:
    """One immutable file on a store.

    Attributes:
        uri: key relative to the store's root.
        sha256: hex digest of the bytes.
        n_rows: rows, for a table; 0 for other files.
        n_bytes: size in bytes.
    """

    uri: str
    sha256: str
    n_rows: int = 0
    n_bytes: int = 0
