"""Exports are found by path, folder and pattern, and every miss is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from schemas.errors import InputError
from tasks.storage.inputs import list_inputs, open_input, refuse_store_inside


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "b.jsonl").write_bytes(b"2")
    (tmp_path / "in" / "a.json").write_bytes(b"1")
    (tmp_path / "in" / "deep" / "c.jsonl.gz").write_bytes(b"33")
    (tmp_path / "in" / ".hidden.json").write_bytes(b"x")
    (tmp_path / "in" / "notes.txt").write_bytes(b"x")
    return tmp_path / "in"


def test_folder_is_searched_in_depth(folder: Path) -> None:
    assert [f.name for f in list_inputs([str(folder)])] == ["a.json", "b.jsonl", "c.jsonl.gz"]


def test_patterns_and_repeats(folder: Path) -> None:
    found = list_inputs([f"{folder}/*.json*", str(folder / "a.json"), f"{folder}/**/*.gz"])
    assert [(f.name, f.size) for f in found] == [("a.json", 1), ("b.jsonl", 1), ("c.jsonl.gz", 2)]
    with open_input(found[2]) as stream:
        assert stream.read() == b"33"
        assert stream.seekable()


def test_a_file_of_any_name_may_be_given(folder: Path) -> None:
    assert list_inputs([str(folder / "notes.txt")])[0].name == "notes.txt"


def test_a_file_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "a[1].json").write_bytes(b"x")
    assert list_inputs([str(tmp_path / "a[1].json")])[0].name == "a[1].json"


@pytest.mark.parametrize("pattern", ["none.json", "none/*.json", "http://host/x.json", "ftp://h/x"])
def test_what_is_not_there_is_refused(tmp_path: Path, pattern: str) -> None:
    place = pattern if "://" in pattern else str(tmp_path / pattern)
    with pytest.raises(InputError):
        list_inputs([place])


def test_empty_folder_and_nothing_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no export in the folder"):
        list_inputs([str(tmp_path)])
    with pytest.raises(InputError, match="no export given"):
        list_inputs([])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission_is_named(folder: Path) -> None:
    (folder / "deep").chmod(0)
    try:
        with pytest.raises(InputError, match="deep"):
            list_inputs([str(folder)])
    finally:
        (folder / "deep").chmod(0o700)


def test_a_store_inside_the_input_folder_is_refused(folder: Path) -> None:
    refuse_store_inside([str(folder)], str(folder.parent / "store"))
    refuse_store_inside([str(folder / "a.json")], str(folder / "store"))
    refuse_store_inside([str(folder)], "s3://bucket/x")
    refuse_store_inside(["s3://bucket/in", "s3://bucket/x1"], "s3://bucket/x")
    for pattern in ("s3://bucket/x", "s3://bucket/", "s3://bucket"):
        with pytest.raises(InputError, match=r"lies in the input folder s3://bucket"):
            refuse_store_inside([pattern], "s3://bucket/x")
    with pytest.raises(InputError, match="lies in the input folder"):
        refuse_store_inside([str(folder)], str(folder / "deep" / "store"))
