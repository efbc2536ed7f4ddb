"""Taxonomy files that a run is given: what cannot be one is refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import ConfigError, InputError, TaxonomyError
from tasks.storage.store import open_store
from tasks.tag.chosen import choose_taxonomies
from tests.taxonomy_files import merged_reactions

BINARY = b"\x89PNG\r\n\x1a\n\xff\xfe"


def choose(folder: Path, given: str) -> str:
    return choose_taxonomies(open_store(str(folder / "store")), [given])["reaction"].version


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_file_wins(tmp_path, scheme) -> None:
    assert choose(tmp_path, f"{scheme}{merged_reactions(tmp_path / 'reaction.yaml')}") == "v2"


def test_a_pattern_of_several_files(tmp_path) -> None:
    for name in ("a.yaml", "b.yaml"):
        merged_reactions(tmp_path / name)
    with pytest.raises(ConfigError, match=r"means 2 files; give one taxonomy file"):
        choose(tmp_path, f"file://{tmp_path}/*.yaml")


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_binary_file(tmp_path, scheme) -> None:
    (tmp_path / "reaction.yaml").write_bytes(BINARY)
    with pytest.raises(TaxonomyError, match=r"reaction\.yaml(: it)? is no UTF-8 text"):
        choose(tmp_path, f"{scheme}{tmp_path}/reaction.yaml")


def test_nothing_at_an_address(tmp_path) -> None:
    with pytest.raises(InputError):
        choose(tmp_path, f"file://{tmp_path}/none.yaml")
