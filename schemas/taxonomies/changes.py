"""What changed between two versions of a taxonomy, and whether the listed changes say so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from schemas.errors import TaxonomyError
from schemas.taxonomies.model import Change, Taxonomy

__all__ = ["Change", "TaxonomyDiff", "diff_taxonomies", "explain_changes", "map_merged"]


@dataclass(frozen=True, slots=True)
class TaxonomyDiff:
    """The plain difference of two versions, by node id."""

    gone: frozenset[str]
    new: frozenset[str]
    renamed: frozenset[str]
    moved: frozenset[str]
    redefined: frozenset[str]

    @property
    def is_empty(self) -> bool:
        """Whether every label of the old version means the same in the new one."""
        return not (self.gone or self.new or self.renamed or self.moved or self.redefined)


def diff_taxonomies(old: Taxonomy, new: Taxonomy) -> TaxonomyDiff:
    """Compare two versions by node id. The order of nodes means nothing."""
    before, after = {n.id: n for n in old.nodes}, {n.id: n for n in new.nodes}
    kept = before.keys() & after.keys()
    return TaxonomyDiff(
        gone=frozenset(before.keys() - after.keys()),
        new=frozenset(after.keys() - before.keys()),
        renamed=frozenset(i for i in kept if before[i].name != after[i].name),
        moved=frozenset(i for i in kept if before[i].parent != after[i].parent),
        redefined=frozenset(i for i in kept if before[i].meaning_sha256 != after[i].meaning_sha256),
    )


def explain_changes(old: Taxonomy, new: Taxonomy) -> None:
    """Prove that the changes listed in `new` explain its whole difference from `old`, and nothing else.

    A node of the old version may vanish only by one of merge, split or remove; a node may appear only by
    one of merge, split or add; a node that stays may differ only where a rename, move or redefine says so
    (or where it absorbed or gave up ground in a merge or split). A change that did not happen is a fault.

    Raises:
        TaxonomyError: naming every change that is missing, doubled or untrue.
    """
    faults = list(_faults(old, new))
    if faults:
        raise TaxonomyError(
            f"taxonomy {new.facet} {new.version} does not follow from {old.version}: " + "; ".join(faults)
        )


def _faults(old: Taxonomy, new: Taxonomy) -> Iterator[str]:
    for name in ("facet", "unit", "multi_label"):
        if getattr(old, name) != getattr(new, name):
            yield f"{name} differs"
    if new.based_on != old.version:
        yield f"it is based on {new.based_on}, not on {old.version}"
    diff = diff_taxonomies(old, new)
    vanish: Counter[str] = Counter()
    appear: Counter[str] = Counter()
    stated: dict[str, Counter[str]] = {"rename": Counter(), "move": Counter(), "redefine": Counter()}
    reshaped: set[str] = set()
    for change in new.changes:
        yield from (f"{change.kind} from unknown node {i!r}" for i in change.from_ if i not in old)
        yield from (f"{change.kind} to unknown node {i!r}" for i in change.to if i not in new)
        if change.kind in stated:
            stated[change.kind].update(change.to)
        elif change.kind == "remove":
            vanish.update(change.from_)
        elif change.kind == "add":
            appear.update(change.to)
        else:
            survivors = set(change.from_) & set(change.to)
            vanish.update(i for i in change.from_ if i not in survivors)
            appear.update(i for i in change.to if i not in survivors and i not in old)
            reshaped |= {i for i in change.to if i in old}
            yield from (
                f"split into {i!r}, which the old version has already"
                for i in change.to
                if change.kind == "split" and i in old and i not in survivors
            )
            if change.kind == "merge" and survivors == set(change.from_):
                yield f"merge into {change.to[0]!r} takes in no other node"
    yield from _compare("vanished", diff.gone, vanish)
    yield from _compare("appeared", diff.new, appear)
    yield from _compare("has another name", diff.renamed, stated["rename"])
    yield from _compare("has another parent", diff.moved, stated["move"])
    yield from _compare("has another meaning", diff.redefined - reshaped, stated["redefine"], reshaped)


def _compare(
    what: str, found: frozenset[str], said: Counter[str], waived: set[str] | None = None
) -> Iterator[str]:
    for node_id in sorted(found - said.keys()):
        yield f"{node_id!r} {what}, and no change says so"
    for node_id in sorted(said.keys() - found - (waived or set())):
        yield f"a change says that {node_id!r} {what}, which is not so"
    for node_id in sorted(i for i, n in said.items() if n > 1):
        yield f"two changes say that {node_id!r} {what}"


def map_merged(new: Taxonomy) -> dict[str, str]:
    """Old node id to new node id for every node that a merge took in."""
    return {
        source: change.to[0]
        for change in new.changes
        if change.kind == "merge"
        for source in change.from_
        if source != change.to[0]
    }
