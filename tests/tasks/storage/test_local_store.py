"""What only the local folder promises; the contract of every store is in test_store_contract."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from schemas.errors import StoreAccessError, StoreUnavailableError, UsageError
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


@pytest.fixture
def nobody() -> Iterator[None]:
    """Root may write everywhere: be somebody else meanwhile."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield
    os.seteuid(before)


def test_a_folder_without_permission_is_a_wrong_store(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    folder = tmp_path / "store"
    folder.mkdir(mode=0o500)
    store = LocalStore(folder)
    request.getfixturevalue("nobody")
    for write in (lambda: store.put("a", b"x"), lambda: store.swap("a", b"x", None)):
        with pytest.raises(StoreAccessError, match="no permission at a; let this account write") as refused:
            write()
        assert refused.value.exit_code == 2


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EIO])
def test_only_a_lack_of_permission_is_the_callers(tmp_path: Path, monkeypatch, number: int) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    is_callers = number in {errno.EACCES, errno.EPERM}
    with pytest.raises(StoreAccessError if is_callers else StoreUnavailableError):
        LocalStore(tmp_path).put("a", b"x")


def test_create_without_hard_links_still_has_one_winner(tmp_path: Path, monkeypatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    store = LocalStore(tmp_path)
    store.create("k", b"1")
    with pytest.raises(UsageError, match="exists already"):
        store.create("k", b"2")
    assert store.get("k") == b"1"
