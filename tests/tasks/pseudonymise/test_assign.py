"""Public ids: injective, stable, never reused, never somebody else's."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import ConflictError, DataError
from tasks.pseudonymise.assign import assign_ids, draw_split
from tasks.pseudonymise.keys import derive_keys
from tasks.pseudonymise.registry import (
    find_participants,
    mark_released,
    mark_withdrawn,
    new_registry,
    withdrawn_ids,
)

KEY = b"a throwaway key of the tests, 0123456789"
KEYS = derive_keys(KEY)


def staged(*rows):
    """Rows of (dialect, participant, task, conversation)."""
    return pl.DataFrame(
        [
            {
                "conversation_key": f"{dialect}:{_source(dialect, who, task, number)}",
                "participant_key": f"{dialect}:{who}",
                "dialect": dialect,
                "source_id": _source(dialect, who, task, number),
                "task_no": task,
                "conversation_no": number,
            }
            for dialect, who, task, number in rows
        ],
        schema={
            "conversation_key": pl.String,
            "participant_key": pl.String,
            "dialect": pl.String,
            "source_id": pl.String,
            "task_no": pl.Int32,
            "conversation_no": pl.Int32,
        },
    )


def _source(dialect, who, task, number):
    stem = f"s-{who}/task{task}/conversation{number}" if dialect == "session" else ""
    return stem or f"{who}_task{task}_conversation{number}"


def ids_of(assignment):
    return dict(assignment.id_map.select("conversation_key", "conversation_id").iter_rows())


participants = st.one_of(
    st.tuples(st.just("published"), st.integers(1, 40).map(lambda n: f"user{n}")),
    st.tuples(st.just("flat-study"), st.integers(0, 40).map(lambda n: f"user{n}")),
    st.tuples(st.just("session"), st.integers(0, 40).map(lambda n: f"{n:024x}")),
)
rows = st.lists(
    st.tuples(participants, st.integers(0, 3), st.integers(0, 3)).map(lambda t: (*t[0], t[1], t[2])),
    unique=True,
    max_size=25,
)


@settings(deadline=None)
@given(rows, st.randoms(use_true_random=False))
def test_ids_are_injective_well_formed_and_independent_of_order(items, random):
    first = assign_ids(new_registry(KEY), staged(*items), KEYS)
    shuffled = list(items)
    random.shuffle(shuffled)
    again = assign_ids(new_registry(KEY), staged(*shuffled), KEYS)
    assert again.id_map.equals(first.id_map)
    assert again.registry == first.registry
    ids = first.id_map
    assert ids.height == len(items)
    assert ids["conversation_id"].n_unique() == len(items)
    assert ids["conversation_id"].str.contains(r"^user\d+_task\d+_conversation\d+$").all()
    pairs = ids.select("participant_key", "participant_id", "split").unique()
    assert pairs["participant_key"].n_unique() == pairs["participant_id"].n_unique() == pairs.height


@settings(deadline=None)
@given(rows, st.data())
def test_later_exports_change_no_id(items, data):
    """Whatever is removed, added or reordered, who had an id keeps it, and no number comes twice."""
    first = assign_ids(new_registry(KEY), staged(*items), KEYS)
    kept = data.draw(st.lists(st.sampled_from(items), unique=True) if items else st.just([]))
    added = data.draw(rows)
    # published ids that are taken by others are a conflict, shown elsewhere
    taken = set(first.id_map["participant_id"])
    added = [r for r in added if r[0] != "published" or r[1] not in taken]
    second_items = list(dict.fromkeys(kept + added))
    second = assign_ids(first.registry, staged(*second_items), KEYS)
    before, after = ids_of(first), ids_of(second)
    for row in kept:
        key = staged(row)["conversation_key"][0]
        assert after[key] == before[key]
    assert set(first.registry.participants) <= set(second.registry.participants)
    numbers = [e.number for e in second.registry.participants.values()]
    assert len(numbers) == len(set(numbers))
    assert all(
        first.registry.participants[d] == second.registry.participants[d] for d in first.registry.participants
    )
    third = assign_ids(second.registry, staged(*items), KEYS)
    assert ids_of(third) == before


def test_published_ids_are_kept_and_flat_study_ids_are_not_theirs():
    made = assign_ids(
        new_registry(KEY),
        staged(("published", "user804", 2, 1), ("flat-study", "user804", 0, 0), ("session", "5f" * 12, 1, 1)),
        KEYS,
    )
    ids = ids_of(made)
    assert ids["published:user804_task2_conversation1"] == "user804_task2_conversation1"
    others = {v.split("_")[0] for k, v in ids.items() if not k.startswith("published")}
    assert others == {"user805", "user806"}


def test_numbers_of_removed_participants_are_not_given_again():
    first = assign_ids(new_registry(KEY), staged(("session", "a" * 24, 1, 1)), KEYS)
    second = assign_ids(first.registry, staged(("session", "b" * 24, 1, 1)), KEYS)
    assert set(first.id_map["participant_id"]).isdisjoint(second.id_map["participant_id"])


def test_a_reserved_id_that_somebody_has_is_a_conflict():
    first = assign_ids(new_registry(KEY), staged(("session", "a" * 24, 1, 1)), KEYS)
    with pytest.raises(ConflictError, match="user1 of the published export") as caught:
        assign_ids(first.registry, staged(("published", "user1", 1, 1)), KEYS)
    assert caught.value.exit_code == 2


def test_two_conversations_with_one_number_are_a_conflict():
    rows = staged(("session", "a" * 24, 1, 1), ("session", "a" * 24, 1, 1)).with_columns(
        conversation_key=pl.Series(["session:one/task1/conversation1", "session:two/task1/conversation1"])
    )
    with pytest.raises(ConflictError, match="claim the id user1_task1_conversation1"):
        assign_ids(new_registry(KEY), rows, KEYS)


def test_a_conversation_key_twice_is_an_error():
    row = ("session", "a" * 24, 1, 1)
    with pytest.raises(DataError, match="2 staged conversations"):
        assign_ids(new_registry(KEY), staged(row, row), KEYS)


def test_withdrawn_participants_are_filtered_from_later_exports():
    rows = staged(("session", "a" * 24, 1, 1), ("session", "a" * 24, 1, 2), ("session", "b" * 24, 1, 1))
    first = assign_ids(new_registry(KEY), rows, KEYS)
    leaver = find_participants(first.registry, KEYS, ["A" * 24, "nobody", "user2_task1_conversation1"])
    assert leaver["nobody"] is None
    assert leaver["user2_task1_conversation1"] == "user2"
    gone = leaver["A" * 24]
    registry = mark_withdrawn(first.registry, [gone], "2026-05-01")
    assert withdrawn_ids(registry) == {gone}
    assert mark_withdrawn(registry, [gone], "2026-06-01") == registry
    second = assign_ids(registry, rows, KEYS)
    assert second.id_map.height == 1
    assert second.withdrawn.height == 2
    assert set(second.withdrawn["participant_id"]) == {gone}
    with pytest.raises(DataError, match="not in the registry"):
        mark_withdrawn(registry, ["user99"], "2026-05-01")


def test_first_release_is_noted_once():
    made = assign_ids(new_registry(KEY), staged(("session", "a" * 24, 1, 1)), KEYS)
    once = mark_released(made.registry, ["user1"], "v1.0.0")
    assert mark_released(once, ["user1"], "v1.1.0") == once
    assert once.entry_of("user1").first_release == "v1.0.0"


def test_splits_have_their_shares_and_depend_on_the_key():
    names = [f"{n:040x}" for n in range(4000)]
    drawn = [draw_split(KEYS.splits, n) for n in names]
    assert abs(drawn.count("train") / 4000 - 0.8) < 0.03
    assert abs(drawn.count("test") / 4000 - 0.1) < 0.03
    assert drawn != [draw_split(KEYS.audit, n) for n in names]
