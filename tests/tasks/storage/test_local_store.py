"""What only the local folder promises; the contract of every store is in test_store_contract."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.errors import StoreUnavailableError, UsageError
from tasks.storage.local import LocalStore
from tasks.storage.store import open_store


def test_a_file_is_no_store(tmp_path: Path) -> None:
    file = tmp_path / "store"
    file.write_text("x")
    with pytest.raises(UsageError, match="this is a file"):
        open_store(str(file))


@pytest.mark.parametrize("uri", ["", "  ", "gs://bucket", "http://host/x", "file://other-host/x"])
def test_unknown_addresses_are_refused(uri: str) -> None:
    with pytest.raises(UsageError):
        open_store(uri)


def test_file_address_with_spaces_and_unicode(tmp_path: Path) -> None:
    folder = tmp_path / "mein Laden ü"
    open_store(folder.as_uri()).put("a/b", b"x")
    assert (folder / "a" / "b").read_bytes() == b"x"


def test_temporary_files_are_hidden_and_swept(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    (tmp_path / ".tmp-dead").write_bytes(b"half")
    store.swap("latest.json", b"1", None)
    assert [o.key for o in store.list()] == ["latest.json"]
    assert store.sweep(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert store.sweep(datetime.now(UTC) + timedelta(hours=1)) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_no_permission_is_an_outside_failure(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreUnavailableError, match="no permission"):
        open_store(str(tmp_path)).put("a", b"x")


def test_create_without_hard_links_still_has_one_winner(tmp_path: Path, monkeypatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    store = LocalStore(tmp_path)
    store.create("k", b"1")
    with pytest.raises(UsageError, match="exists already"):
        store.create("k", b"2")
    assert store.get("k") == b"1"
