"""What arrived since the last look."""

from __future__ import annotations

import pytest

from schemas.errors import ConflictError
from tasks.storage.arrivals import find_arrivals, look_at_exports, look_at_taxonomies, swap_seen
from tasks.storage.store import open_store


def test_new_and_changed_files_arrive_once(tmp_path) -> None:
    store, exports = open_store(str(tmp_path / "private")), tmp_path / "exports"
    exports.mkdir()
    (exports / "a.jsonl").write_text("{}\n")
    taxonomy = tmp_path / "topic.yaml"
    taxonomy.write_text("a: 1")

    def look() -> tuple[list[str], list[str]]:
        now = {
            "exports": look_at_exports([str(exports), ""]),
            "taxonomies": look_at_taxonomies([str(tmp_path / "*.yaml")]),
        }
        before = swap_seen(store, now)
        return tuple([p.rpartition("/")[2] for p in find_arrivals(before[k], now[k])] for k in now)

    assert look() == ([], []), "what is there at the first look is known"
    (exports / "b.jsonl.gz").write_text("")
    (exports / "notes.txt").write_text("no export")
    assert look() == (["b.jsonl.gz"], [])
    taxonomy.write_text("a: 2")
    (exports / "a.jsonl").unlink()
    assert look() == ([], ["topic.yaml"])
    assert look() == ([], [])


def test_nothing_at_an_address_yet_is_no_fault(tmp_path) -> None:
    assert look_at_exports([str(tmp_path / "later")]) == {}


def test_of_two_looks_at_once_one_announces(tmp_path) -> None:
    store = open_store(str(tmp_path))
    swap_seen(store, {"exports": {}})

    class Slow:
        def get_with_etag(self, key):
            found = store.get_with_etag(key)
            swap_seen(store, {"exports": {"a": "1"}})
            return found

        def swap(self, *given):
            return store.swap(*given)

    with pytest.raises(ConflictError):
        swap_seen(Slow(), {"exports": {"a": "1"}})
