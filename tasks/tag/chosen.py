"""Which taxonomies a run uses: what it was given, else the newer of what ships and what the store uses.

A re-tag may bring a taxonomy that does not ship with the software; the release carries it, so that the
next release goes on with it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import yaml

from schemas.errors import ConfigError, TaxonomyError
from schemas.fields import FACETS
from schemas.taxonomies import Taxonomy, load_taxonomies, load_taxonomy, read_taxonomy
from tasks.publish.layout import side_file
from tasks.publish.releases import latest_version
from tasks.storage.inputs import list_inputs, open_input
from tasks.storage.store import Store


def choose_taxonomies(store: Store, files: Sequence[str] = ()) -> Mapping[str, Taxonomy]:
    """Choose one taxonomy a facet.

    Args:
        store: where releases live.
        files: taxonomy files that win: paths or s3:// addresses.

    Raises:
        TaxonomyError: a file is not valid.
        ConfigError: an address means several files.
        InputError: there is nothing at an address.
    """
    chosen = dict(load_taxonomies())
    latest = latest_version(store)
    for facet in FACETS if latest else ():
        key = side_file(str(latest), file_name(facet))
        if store.head(key) is None:
            continue
        carried = read_taxonomy(store.get(key).decode(), key)
        if _number(carried) > _number(chosen[facet]):
            chosen[facet] = carried
    for path in files:
        given = _load_remote(path) if "://" in path else load_taxonomy(Path(path))
        chosen[given.facet] = given
    return MappingProxyType(chosen)


def _load_remote(address: str) -> Taxonomy:
    files = list_inputs([address])
    if len(files) != 1:
        raise ConfigError(f"{address} means {len(files)} files; give one taxonomy file for each facet")
    with open_input(files[0]) as stream:
        content = stream.read()
    try:
        return read_taxonomy(content.decode(), address)
    except UnicodeDecodeError:
        raise TaxonomyError(f"{address} is no UTF-8 text; a taxonomy is a YAML file") from None


def released_taxonomies(store: Store, version: str) -> Mapping[str, Taxonomy]:
    """The taxonomies that a release's labels were made with."""
    found = dict(load_taxonomies())
    for facet in FACETS:
        key = side_file(version, file_name(facet))
        if store.head(key) is not None:
            found[facet] = read_taxonomy(store.get(key).decode(), key)
    return MappingProxyType(found)


def dump_taxonomies(taxonomies: Mapping[str, Taxonomy]) -> dict[str, bytes]:
    """The taxonomies as files of a release."""
    return {
        file_name(facet): yaml.safe_dump(
            taxonomy.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            allow_unicode=True,
            sort_keys=False,
            width=100,
        ).encode()
        for facet, taxonomy in taxonomies.items()
    }


def file_name(facet: str) -> str:
    """Name of a taxonomy inside a release."""
    return f"taxonomies/{facet}.yaml"


def _number(taxonomy: Taxonomy) -> int:
    found = re.fullmatch(r"v(\d+)", taxonomy.version)
    return int(found[1]) if found else 0
