"""A run's intermediate files go with its publication; another run's stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.memo.steps import WORK, StepFolder, clear_steps, list_folders, run_step
from tasks.storage.store import Store, open_store


@pytest.fixture
def private(tmp_path: Path) -> Store:
    return open_store(str(tmp_path))


def make(private: Store, step: str, *used: object, text: str = "") -> object:
    def build(folder: StepFolder) -> None:
        folder.json("out", text or step)

    return run_step(private, step, 1, {"used": list(used), "settings": {"k": 5}}, build)


def left(private: Store) -> set[str]:
    return {o.key.split("/")[1] for o in private.list(f"{WORK}/")}


def test_all_that_a_step_was_made_from_goes(private: Store) -> None:
    first = make(private, "ingest", "export one")
    ids = make(private, "ids", first.fingerprint)
    scrub = make(private, "scrub", {"shard": first.fingerprint, "ids": ids["out"].sha256})
    built = make(private, "build", [[scrub.fingerprint]])
    other = make(private, "other", "export two")
    assert clear_steps(private, list_folders([built])) == 8
    assert left(private) == {"other"}
    assert clear_steps(private, list_folders([built])) == 0
    assert clear_steps(private, list_folders([other])) == 2
    assert left(private) == set()


def test_a_file_that_lies_in_two_steps_names_both(private: Store) -> None:
    ids = make(private, "ids", text="same")
    copy = make(private, "scrub", ids["out"].sha256, text="same")
    assert ids["out"].sha256 == copy["out"].sha256
    clear_steps(private, list_folders([copy]))
    assert left(private) == set()


class Killed(BaseException):
    """Ends a deletion as a kill does."""


@pytest.mark.parametrize("n_deleted", range(8))
def test_a_repeat_after_a_kill_finds_the_rest(private: Store, monkeypatch, n_deleted: int) -> None:
    first = make(private, "ingest", "export one")
    ids = make(private, "ids", first.fingerprint)
    scrub = make(private, "scrub", {"shard": first.fingerprint, "ids": ids["out"].sha256})
    built = make(private, "build", [scrub.fingerprint, first.fingerprint])
    folders = list_folders([built])
    delete, n_left = private.delete, iter(range(n_deleted))

    def delete_some(key: str) -> None:
        if next(n_left, None) is None:
            raise Killed
        delete(key)

    with monkeypatch.context() as patch:
        patch.setattr(private, "delete", delete_some)
        with pytest.raises(Killed):
            clear_steps(private, folders)
    assert clear_steps(private, folders) == 8 - n_deleted
    assert left(private) == set()
