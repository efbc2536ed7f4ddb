"""What every store promises, run against each backend at hand."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schemas.errors import ConflictError, NotFoundError, UsageError, VerificationError
from tasks.storage.store import Store, open_store


@pytest.fixture(params=["local", "weed"])
def store(request, tmp_path: Path) -> Store:
    if request.param == "local":
        return open_store(str(tmp_path / "store"))
    return open_store(request.getfixturevalue("weed_env").new_uri())


def test_put_get_head_list_delete(store: Store) -> None:
    store.put("a/b.txt", b"one")
    store.put("a/c.txt", b"two!")
    store.put("ab.txt", b"three")
    assert store.get("a/b.txt") == b"one"
    info = store.head("a/c.txt")
    assert info is not None
    assert info.size == 4
    assert info.modified.tzinfo is not None
    assert [o.key for o in store.list()] == ["a/b.txt", "a/c.txt", "ab.txt"]
    assert [o.key for o in store.list("a/")] == ["a/b.txt", "a/c.txt"]
    assert [o.key for o in store.list("a/b")] == ["a/b.txt"]
    assert list(store.list("nothing/")) == []
    store.delete("a/b.txt")
    store.delete("a/b.txt")
    assert store.head("a/b.txt") is None
    with pytest.raises(NotFoundError, match=r"a/b\.txt"):
        store.get("a/b.txt")


def test_create_only_if_absent(store: Store) -> None:
    store.create("k", b"1")
    with pytest.raises(ConflictError):
        store.create("k", b"2")
    assert store.get("k") == b"1"


def test_swap_only_if_unchanged(store: Store) -> None:
    first = store.swap("k", b"1", None)
    with pytest.raises(ConflictError):
        store.swap("k", b"x", None)
    second = store.swap("k", b"2", first)
    with pytest.raises(ConflictError):
        store.swap("k", b"3", first)
    assert store.get_with_etag("k") == (b"2", second)
    info = store.head("k")
    assert info is not None
    assert info.etag == second
    with pytest.raises(ConflictError):
        store.swap("gone", b"3", first)


def test_one_creator_wins_a_race(store: Store) -> None:
    def attempt(i: int) -> bool:
        try:
            store.create("race", str(i).encode())
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1


def test_no_update_is_lost(store: Store) -> None:
    store.put("n", b"0")

    def add(_: int) -> None:
        while True:
            value, etag = store.get_with_etag("n")
            try:
                store.swap("n", str(int(value) + 1).encode(), etag)
            except ConflictError:
                continue
            return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(24)))
    assert store.get("n") == b"24"


def test_files_go_in_and_out(store: Store, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x" * 100_000)
    digest = "b29a0e7b55f6a54d10a4aba6a3c1b60ab5fa6b4b9b7cde91d4b4e1ae7d3e3b08"
    with pytest.raises(VerificationError, match="digest"):
        store.put_file("f", source, sha256=digest)
    assert store.head("f") is None
    store.put_file("f", source)
    store.copy("f", "g/h")
    store.get_file("g/h", tmp_path / "out" / "h")
    assert (tmp_path / "out" / "h").read_bytes() == source.read_bytes()
    with pytest.raises(NotFoundError):
        store.get_file("none", tmp_path / "none")
    with pytest.raises(NotFoundError):
        store.copy("none", "x")
    assert not (tmp_path / "none").exists()


def test_child_sees_its_folder_only(store: Store) -> None:
    child = store.child("private/memo")
    child.put("a", b"1")
    assert store.get("private/memo/a") == b"1"
    assert [o.key for o in child.list()] == ["a"]
    store.put("private/other", b"2")
    assert [o.key for o in child.list()] == ["a"]


def test_purge_counts_what_was_there(store: Store) -> None:
    store.put("a/k", b"1")
    assert store.purge("a/k") == 1
    assert store.purge("a/k") == 0


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "../a", "a/../b", ".", "a\\b", "a\n", "a\0b"])
def test_keys_never_leave_the_root(store: Store, key: str) -> None:
    with pytest.raises(UsageError):
        store.put(key, b"x")


@pytest.mark.parametrize("key", ["mit Leerzeichen.txt", "ünï/日本.txt", "a+b&c=d%20.txt", "tmp-x.lock"])
def test_unusual_names_survive(store: Store, key: str) -> None:
    store.put(key, b"x")
    assert store.get(key) == b"x"
    assert [o.key for o in store.list()] == [key]
