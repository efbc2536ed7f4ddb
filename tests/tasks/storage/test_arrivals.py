"""What arrived since the last look."""

from __future__ import annotations

import pytest

from schemas.errors import ConflictError, StoreUnavailableError
from tasks.storage import arrivals
from tasks.storage.arrivals import (
    find_arrivals,
    keep_seen,
    look_at_exports,
    look_at_taxonomies,
    read_seen,
)
from tasks.storage.store import open_store


def test_new_and_changed_files_arrive_once(tmp_path) -> None:
    store, exports = open_store(str(tmp_path / "private")), tmp_path / "exports"
    exports.mkdir()
    (exports / "a.jsonl").write_text("{}\n")
    taxonomy = tmp_path / "topic.yaml"
    taxonomy.write_text("a: 1")

    def look() -> tuple[list[str], list[str]]:
        seen = read_seen(store)
        before = seen.looks or {"exports": {}, "taxonomies": {}}
        now = {
            "exports": look_at_exports([str(exports), ""], before["exports"])[0],
            "taxonomies": look_at_taxonomies([str(tmp_path / "*.yaml")], before["taxonomies"])[0],
        }
        keep_seen(store, seen, now)
        return tuple([p.rpartition("/")[2] for p in find_arrivals(before[k], now[k])] for k in now)

    assert look() == (["a.jsonl"], ["topic.yaml"])
    assert look() == ([], [])
    (exports / "b.jsonl.gz").write_text("")
    (exports / "notes.txt").write_text("no export")
    assert look() == (["b.jsonl.gz"], [])
    taxonomy.write_text("a: 2")
    (exports / "a.jsonl").unlink()
    assert look() == ([], ["topic.yaml"])
    assert look() == ([], [])


def test_nothing_at_an_address_yet_is_no_fault(tmp_path) -> None:
    place = str(tmp_path / "later")
    assert look_at_exports([place], {}) == ({place: {}}, [])


@pytest.mark.parametrize("gone", ["missing", "empty", "store away", "permission"])
def test_a_place_that_was_away_brings_nothing_new(tmp_path, monkeypatch, gone) -> None:
    mount, place = tmp_path / "mount", str(tmp_path / "mount")
    mount.mkdir()
    (mount / "a.jsonl").write_text("")
    before, unseen = look_at_exports([place], {})
    assert unseen == []
    with monkeypatch.context() as patch:
        mount.rename(tmp_path / "away")
        if gone == "empty":
            mount.mkdir()
        if gone in {"store away", "permission"}:
            error = StoreUnavailableError("x") if gone == "store away" else PermissionError()

            def fail(_: object) -> None:
                raise error

            patch.setattr(arrivals, "list_inputs", fail)
        away, unseen = look_at_exports([place], before)
        assert (away, unseen) == (before, [place]), "it keeps its look, and is told of"
    if gone == "empty":
        mount.rmdir()
    (tmp_path / "away").rename(mount)
    (mount / "b.jsonl").write_text("")
    back, unseen = look_at_exports([place], away)
    assert (find_arrivals(away, back), unseen) == ([f"{place}/b.jsonl"], [])


def test_a_file_at_two_places_arrives_once_and_a_new_place_brings_only_what_is_new(tmp_path) -> None:
    (tmp_path / "a.jsonl").write_text("")
    narrow, wide = f"{tmp_path}/*.jsonl", str(tmp_path)
    before, _ = look_at_exports([narrow], {})
    (tmp_path / "b.jsonl").write_text("")
    now, _ = look_at_exports([narrow, wide], before)
    assert find_arrivals(before, now) == [f"{tmp_path}/b.jsonl"]


def test_of_two_looks_at_once_one_is_remembered(tmp_path) -> None:
    store = open_store(str(tmp_path))
    keep_seen(store, read_seen(store), {"exports": {}})
    seen = read_seen(store)
    keep_seen(store, read_seen(store), {"exports": {"p": {"a": "1"}}})
    with pytest.raises(ConflictError):
        keep_seen(store, seen, {"exports": {"p": {"b": "1"}}})
