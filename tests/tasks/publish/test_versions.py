"""The next version follows from what changed."""

from __future__ import annotations

import pytest

from schemas.errors import UsageError
from tasks.publish.diff import diff_tables
from tasks.publish.versions import bump_version, check_next_version, parse_version, propose_version
from tests.release_tables import make_tables

FEW, MORE = make_tables(range(3)), make_tables(range(4))
SAME, ADDED, REMOVED = diff_tables(FEW, FEW), diff_tables(FEW, MORE), diff_tables(MORE, FEW)


def test_steps() -> None:
    assert propose_version([], ADDED) == "v1.0.0"
    assert propose_version(["v1.0.0"], SAME) is None
    assert propose_version(["v1.9.0", "v1.10.3"], ADDED) == "v1.11.0"
    assert propose_version(["v1.2.0"], REMOVED) == "v1.2.1"
    assert propose_version(["v1.2.0"], SAME, is_taxonomy_changed=True) == "v1.3.0"
    assert propose_version(["v1.2.0"], SAME, is_schema_extended=True) == "v1.3.0"
    assert propose_version(["v1.2.0"], ADDED, is_breaking=True) == "v2.0.0"
    assert propose_version(["v1.2.0"], ADDED, bump="patch") == "v1.2.1"


def test_bump() -> None:
    assert [bump_version("v1.2.3", s) for s in ("major", "minor", "patch")] == ["v2.0.0", "v1.3.0", "v1.2.4"]


@pytest.mark.parametrize("text", ["1.0.0", "v1.0", "v01.0.0", "v1.0.0-rc1", "", "latest", "v1.0.0\n"])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(UsageError, match=r"v1\.4\.0"):
        parse_version(text)


def test_order_is_by_number() -> None:
    check_next_version("v1.10.0", ["v1.9.9"])
    with pytest.raises(UsageError, match="not above"):
        check_next_version("v1.9.9", ["v1.10.0"])
