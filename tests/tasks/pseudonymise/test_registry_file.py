"""The registry on a store: refused with a wrong key, safe against races, backed up and re-keyed."""

import json
import os
import stat

import polars as pl
import pytest

from schemas.errors import ConflictError, DataError, InputError, KeyMissingError, NotFoundError
from tasks.pseudonymise.assign import assign_ids
from tasks.pseudonymise.registry import Entry, Registry
from tasks.pseudonymise.registry_file import (
    REGISTRY_KEY,
    back_up_registry,
    load_registry,
    note_release,
    read_first_releases,
    restore_registry,
    rotate_registry_key,
    save_registry,
    update_registry,
)
from tasks.storage.store import open_store

KEY = b"a throwaway key of the tests, 0123456789"
OTHER = b"another throwaway key, also long enough!"


@pytest.fixture
def private(tmp_path):
    return open_store(str(tmp_path / "private"))


def staged(*people):
    return pl.DataFrame(
        {
            "conversation_key": [f"session:s{p}/task1/conversation1" for p in people],
            "participant_key": [f"session:{p}" for p in people],
            "dialect": ["session"] * len(people),
            "source_id": [f"s{p}/task1/conversation1" for p in people],
            "task_no": [1] * len(people),
            "conversation_no": [1] * len(people),
        }
    )


def enrol(private, *people, key=KEY):
    def change(registry, keys):
        made = assign_ids(registry, staged(*people), keys)
        return made.registry, made.id_map

    return update_registry(private, key, change)


def test_ids_outlive_the_run(private):
    first = enrol(private, "alpha", "beta")
    again = enrol(private, "beta", "gamma", "alpha")
    assert first.join(again, on=["conversation_key", "conversation_id", "split"]).height == 2
    assert again["participant_id"].n_unique() == 3


def test_a_run_that_changes_nothing_writes_nothing(private):
    enrol(private, "alpha")
    before = private.head(REGISTRY_KEY).etag
    enrol(private, "alpha")
    assert private.head(REGISTRY_KEY).etag == before


def test_another_key_is_refused(private):
    enrol(private, "alpha")
    with pytest.raises(KeyMissingError, match="belongs to the id key"):
        enrol(private, "alpha", key=OTHER)


def test_the_file_names_nobody(private):
    enrol(private, "5f0c1e2d3b4a59687786a5b4")
    data = private.get(REGISTRY_KEY)
    assert b"5f0c1e2d" not in data
    assert KEY not in data


def test_the_loser_of_a_race_repeats_its_change_on_the_new_state(private):
    calls = []

    def change(registry, keys):
        calls.append(len(registry.participants))
        if len(calls) == 1:
            enrol(private, "rival")
        made = assign_ids(registry, staged("mine"), keys)
        return made.registry, made.id_map["participant_id"][0]

    assert update_registry(private, KEY, change) == "user2"
    assert calls == [0, 1]


def test_saving_over_somebody_else_is_a_conflict(private):
    loaded = load_registry(private, KEY)
    enrol(private, "alpha")
    with pytest.raises(ConflictError):
        save_registry(private, loaded.registry, loaded.etag)


def test_backup_and_restore(private, tmp_path):
    enrol(private, "alpha", "beta")
    state = load_registry(private, KEY).registry
    path = tmp_path / "backup.json"
    back_up_registry(private, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(ConflictError, match="never overwrites"):
        back_up_registry(private, path)
    private.delete(REGISTRY_KEY)
    assert restore_registry(private, path, KEY) == state
    assert load_registry(private, KEY).registry == state
    with pytest.raises(KeyMissingError):
        restore_registry(private, path, OTHER)


def test_restoring_an_old_backup_never_frees_a_number(private, tmp_path):
    enrol(private, "alpha")
    path = tmp_path / "backup.json"
    back_up_registry(private, path)
    enrol(private, "beta")
    with pytest.raises(ConflictError, match="1 participants"):
        restore_registry(private, path, KEY)
    restore_registry(private, path, KEY, force=True)
    assert enrol(private, "gamma")["participant_id"].to_list() == ["user3"]


def test_an_altered_backup_is_refused(private, tmp_path):
    enrol(private, "alpha")
    path = tmp_path / "backup.json"
    back_up_registry(private, path)
    document = json.loads(path.read_text())
    document["registry"]["next_number"] = 1
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match="altered"):
        restore_registry(private, path, KEY)
    path.write_text("not json")
    with pytest.raises(DataError, match="not a registry backup"):
        restore_registry(private, path, KEY)
    with pytest.raises(InputError, match="cannot read"):
        restore_registry(private, tmp_path / "missing", KEY)


def test_nothing_to_back_up(private, tmp_path):
    with pytest.raises(NotFoundError, match="no registry"):
        back_up_registry(private, tmp_path / "x")
    with pytest.raises(NotFoundError, match="no registry"):
        rotate_registry_key(private, KEY, OTHER)


def test_rotation_keeps_ids_splits_and_hashes(private):
    before = enrol(private, "alpha", "beta")
    keys = load_registry(private, KEY).keys
    rotate_registry_key(private, KEY, OTHER)
    rotate_registry_key(private, KEY, OTHER)
    assert enrol(private, "alpha", "beta", key=OTHER).equals(before)
    after = load_registry(private, OTHER).keys
    assert (after.ids, after.audit, after.memo) == (keys.ids, keys.audit, keys.memo)
    with pytest.raises(KeyMissingError):
        load_registry(private, KEY)
    third = os.urandom(32).hex().encode()
    rotate_registry_key(private, OTHER, third)
    assert enrol(private, "alpha", "beta", key=third).equals(before)


def test_a_damaged_registry_is_not_taken_for_an_empty_one(private):
    private.put(REGISTRY_KEY, b'{"format": 1')
    with pytest.raises(DataError, match="restore a backup"):
        enrol(private, "alpha")
    private.put(REGISTRY_KEY, b"[]")
    with pytest.raises(DataError, match="not a registry"):
        enrol(private, "alpha")
    private.put(REGISTRY_KEY, b'{"format": 99}')
    with pytest.raises(DataError, match="format 99"):
        enrol(private, "alpha")


def test_first_releases_are_noted_once_and_need_no_key(private):
    registry = Registry("f", next_number=3, participants={"a": Entry(1, "train"), "b": Entry(2, "test")})
    save_registry(private, registry, None)
    note_release(private, ["user1"], "v1.0.0")
    note_release(private, ["user1", "user2"], "v1.1.0")
    assert read_first_releases(private) == {"user1": "v1.0.0", "user2": "v1.1.0"}
    note_release(private.child("elsewhere"), ["user1"], "v1.0.0")
