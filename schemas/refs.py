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


@dataclass(frozen=True, slots=True)
class ShardRef:
    """The tables of one shard after one stage: table name to file, in the order of the stage.

    Attributes:
        shard_id: `0003`; the same shard keeps its number through all stages.
        fingerprint: hex digest of everything that decides the content (inputs, settings, versions).
        tables: pairs of table name and file.
    """

    shard_id: str
    fingerprint: str
    tables: tuple[tuple[str, ArtifactRef], ...]

    def table(self, name: str) -> ArtifactRef:
        """Return the file of one table; raises `KeyError` when this stage does not make it."""
        for table_name, ref in self.tables:
            if table_name == name:
                return ref
        raise KeyError(f"shard {self.shard_id} holds no table {name!r}")
