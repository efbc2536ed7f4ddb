"""How a candidate was staged is kept beside it; where it is not known, its version cannot be changed."""

from __future__ import annotations

import pytest

from schemas.errors import UsageError
from tasks.publish.parameters import read_call, write_call
from tasks.storage.store import open_store


def test_the_call_comes_back(tmp_path) -> None:
    private = open_store(str(tmp_path))
    write_call(private, "c1", {"flow": "retag", "parameters": {"version": "latest"}})
    assert read_call(private, "c1") == ("retag", {"version": "latest"})


@pytest.mark.parametrize("kept", [None, {}, {"exports": ["a.jsonl"]}])
def test_an_unknown_call_is_refused_in_words(tmp_path, kept) -> None:
    private = open_store(str(tmp_path))
    if kept is not None:
        write_call(private, "c1", kept)
    with pytest.raises(UsageError, match="c1 keeps its version"):
        read_call(private, "c1")
