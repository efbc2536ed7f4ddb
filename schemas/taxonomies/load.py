"""Reading taxonomy files: those that ship, and any other by path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import yaml
from pydantic import ValidationError

from schemas.documents import read_yaml, tell_faults, tell_unread, tell_yaml_fault
from schemas.errors import TaxonomyError
from schemas.fields import FACETS
from schemas.taxonomies.changes import explain_changes
from schemas.taxonomies.model import Taxonomy

_FILE = re.compile(r"(v[1-9][0-9]*)\.yaml\Z")


@lru_cache(maxsize=64)
def read_taxonomy(text: str, place: str) -> Taxonomy:
    """Parse and check one taxonomy document.

    A document that was read before is not parsed again: every shard asks for the same few.

    Args:
        text: YAML.
        place: where it came from, for error messages.

    Raises:
        TaxonomyError: not YAML, not the schema, or inconsistent in itself.
    """
    try:
        value: Any = read_yaml(text)
    except yaml.YAMLError as error:
        raise TaxonomyError(f"{place} is not YAML: {tell_yaml_fault(error)}") from error
    if not isinstance(value, dict):
        raise TaxonomyError(f"{place} holds no mapping")
    try:
        return Taxonomy.model_validate(cast("dict[str, Any]", value))
    except ValidationError as error:
        raise TaxonomyError(f"{place}: {tell_faults(error, 'document')}") from error


def load_taxonomy(path: Path) -> Taxonomy:
    """Read one taxonomy file.

    Raises:
        TaxonomyError: missing, or not a valid taxonomy.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TaxonomyError(
            f"cannot read taxonomy file {path.name}: {tell_unread(error)}; a taxonomy is a YAML file"
        ) from None
    return read_taxonomy(text, path.name)


@cache
def taxonomy_versions(facet: str) -> Mapping[str, Taxonomy]:
    """Return every shipped version of a facet, oldest first, each proven to follow from the one before.

    Raises:
        TaxonomyError: unknown facet, a file that is not valid, or changes that explain too little.
    """
    if facet not in FACETS:
        raise TaxonomyError(f"unknown facet {facet!r}; known: {', '.join(FACETS)}")
    folder = resources.files("schemas.taxonomies") / facet
    files = sorted(
        (int(match[1][1:]), entry) for entry in folder.iterdir() if (match := _FILE.match(entry.name))
    )
    versions: dict[str, Taxonomy] = {}
    for number, entry in files:
        taxonomy = read_taxonomy(entry.read_text(encoding="utf-8"), f"{facet}/{entry.name}")
        if taxonomy.facet != facet or taxonomy.version != f"v{number}":
            raise TaxonomyError(f"{facet}/{entry.name} calls itself {taxonomy.facet} {taxonomy.version}")
        if taxonomy.based_on is not None:
            if taxonomy.based_on not in versions:
                raise TaxonomyError(
                    f"{facet}/{entry.name} is based on {taxonomy.based_on}, which does not ship"
                )
            explain_changes(versions[taxonomy.based_on], taxonomy)
        versions[taxonomy.version] = taxonomy
    if not versions:
        raise TaxonomyError(f"no taxonomy ships for facet {facet!r}")
    return MappingProxyType(versions)


def load_taxonomies(
    versions: Mapping[str, str] | None = None, files: tuple[Path, ...] = ()
) -> Mapping[str, Taxonomy]:
    """Return one taxonomy for each facet: the newest that ships, unless told otherwise.

    Args:
        versions: facet to version, for the facets where another shipped version is wanted.
        files: taxonomy files that replace the shipped one of their facet.

    Raises:
        TaxonomyError: a version that does not ship, or a file that is not valid.
    """
    chosen: dict[str, Taxonomy] = {}
    for facet in FACETS:
        shipped = taxonomy_versions(facet)
        wanted = (versions or {}).get(facet) or list(shipped)[-1]
        if wanted not in shipped:
            raise TaxonomyError(f"{facet} {wanted} does not ship; known: {', '.join(shipped)}")
        chosen[facet] = shipped[wanted]
    for path in files:
        taxonomy = load_taxonomy(path)
        chosen[taxonomy.facet] = taxonomy
    return MappingProxyType(chosen)
