"""Local recoding: for every participant the finest levels at which k share a combination.

Works on whole numbers only, so it neither knows nor shows any answer. Deterministic: the result depends
on the participants' order alone, and callers sort them by id.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def choose_levels(codes: Sequence[Ints], floors: Ints, templates: Sequence[tuple[int, ...]], k: int) -> Ints:
    """Choose a level for every attribute of every participant.

    Templates are tried from the most to the least valuable; whoever finds k - 1 companions at one is
    settled there. Fewer than k can be left after the last; they borrow companions from classes that have
    more than k, at the most valuable template at which enough of them look alike. Only where nobody has
    any to spare a whole class, the smallest, joins those who say nothing.

    Args:
        codes: per attribute, participants x levels: number of the value that level shows; equal numbers
            look alike.
        floors: participants x attributes: finest level allowed.
        templates: levels per attribute, the most valuable first; the last one says nothing.
        k: smallest size of a class.

    Returns:
        Participants x attributes: chosen levels, never below the floors. Classes have at least k members
        unless there are fewer participants than that.
    """
    n = len(floors)
    levels = np.maximum(np.array(templates[-1]), floors)
    left = np.arange(n)
    for template in templates:
        if not len(left):
            break
        trial = np.maximum(np.array(template), floors[left])
        _, inverse, counts = np.unique(_combine(codes, left, trial), return_inverse=True, return_counts=True)
        is_enough = counts[inverse] >= k
        levels[left[is_enough]] = trial[is_enough]
        left = left[~is_enough]
    if len(left):
        _settle_rest(codes, floors, templates, k, levels, left)
    return levels


def _settle_rest(
    codes: Sequence[Ints],
    floors: Ints,
    templates: Sequence[tuple[int, ...]],
    k: int,
    levels: Ints,
    left: Ints,
) -> None:
    """Change `levels` so that the participants in `left`, fewer than k, get companions."""
    everyone = np.arange(len(floors))
    for template in templates:
        if not len(left):
            return
        coarse = np.maximum(np.array(template), floors)
        keys = _combine(codes, everyone, coarse)
        for key in np.unique(keys[left]):
            members = left[keys[left] == key]
            spare = _find_spare(codes, levels, left, keys == key, k)
            # a companion may only get coarser
            spare = spare[(levels[spare] <= coarse[spare]).all(axis=1)]
            if len(members) + len(spare) >= k:
                moved = np.concatenate([members, spare[: max(0, k - len(members))]])
                levels[moved] = coarse[moved]
                left = np.setdiff1d(left, members)
    while 0 < len(left) < k and len(left) < len(floors):
        settled = np.setdiff1d(everyone, left)
        current = _combine(codes, settled, levels[settled])
        found, counts = np.unique(current, return_counts=True)
        joining = settled[current == found[np.argmin(counts)]]
        left = np.concatenate([left, joining])
        levels[left] = np.maximum(np.array(templates[-1]), floors[left])


def _find_spare(
    codes: Sequence[Ints],
    levels: Ints,
    left: Ints,
    is_alike: npt.NDArray[np.bool_],
    k: int,
) -> Ints:
    """Return settled participants that look alike and that their classes can spare, in order."""
    settled = np.setdiff1d(np.arange(len(levels)), left)
    current = _combine(codes, settled, levels[settled])
    _, inverse, counts = np.unique(current, return_inverse=True, return_counts=True)
    surplus = counts - k
    spare: list[int] = []
    for place, participant in enumerate(settled.tolist()):
        if is_alike[participant] and surplus[inverse[place]] > 0:
            surplus[inverse[place]] -= 1
            spare.append(participant)
    return np.array(spare, dtype=np.int64)


def _combine(codes: Sequence[Ints], rows: Ints, levels: Ints) -> Ints:
    """Return one number a row: equal where all attributes look alike."""
    combined = np.zeros(len(rows), np.int64)
    for attribute, table in enumerate(codes):
        combined = combined * (int(table.max(initial=0)) + 1) + table[rows, levels[:, attribute]]
    return combined
