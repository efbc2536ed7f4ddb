"""What must hold of a store after every fault."""

from __future__ import annotations

from collections.abc import Collection

from tasks.publish.latest import read_latest
from tasks.publish.releases import is_purged, list_releases, load_release
from tasks.publish.verify import verify_release
from tasks.storage.store import Store
from tasks.withdraw.mentions import compile_mentions, count_mentions


def assert_all_is_well(store: Store, planted: Collection[str] = (), may_hold: tuple[str, ...] = ()) -> None:
    """Every visible release verifies, no row is lost, latest points to a release, no planted word stands anywhere.

    Args:
        store: as a reader finds it.
        planted: words that personal data was planted as.
        may_hold: folders of the store where they belong.
    """
    visible = {item.version: item for item in list_releases(store)}
    for version, item in visible.items():
        if is_purged(store, version):
            assert item.is_yanked, version
            continue
        assert verify_release(store, version).problems == [], version
        funnel = load_release(store, version)[1].get("funnel")
        if funnel is not None:
            odd = funnel.filter(
                funnel["n_in"] != funnel["n_out"] + funnel["n_quarantined"] + funnel["n_removed"]
            )
            assert odd.is_empty(), version
    pointer, _ = read_latest(store)
    assert pointer is None or pointer.version is None or pointer.version in visible
    if planted:
        pattern = compile_mentions(list(planted))
        for info in store.list():
            if not info.key.startswith(may_hold):
                assert not count_mentions(store.get(info.key), info.key, pattern), info.key
