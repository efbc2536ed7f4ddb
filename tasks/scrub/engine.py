"""Builds the detector of a run: the name models, the shipped recognisers and those of the settings."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from schemas.config import PrivacySettings
from tasks.scrub.detect import ENGINE_VERSION, Detector
from tasks.scrub.ner import NameTagger, load_tagger
from tasks.scrub.recognizers import RECOGNIZERS
from tasks.scrub.recognizers.own import OwnRecognizers
from tasks.scrub.weights import MEDIUM, SMALL, VerifiedModel, find_model


def build_detector(settings: PrivacySettings) -> Detector:
    """Load the models and compile the recognisers; costs about a second, so once a process.

    Args:
        settings: which models, which recognisers of its own.

    Raises:
        ConfigError: a model is missing or altered, or a recogniser of the settings is wrong.
    """
    own = OwnRecognizers(settings.recognizers)
    models = (SMALL, MEDIUM) if settings.high_recall else (SMALL,)
    return Detector([_load_once(find_model(model)) for model in models], RECOGNIZERS, own)


@cache
def _load_once(model: VerifiedModel) -> NameTagger:
    """Load a model once a process; threads that share it take turns. Its files are verified every time."""
    return load_tagger(model)


def engine_version(detector: Detector) -> str:
    """Return what decides the spans of a text: engine, code and lists, recognisers with versions, weights.

    The digest of code and lists is in it because a version that somebody forgot to raise would let texts
    through that were read by an older engine.
    """
    listing = "\n".join(f"{name}={version}" for name, version in sorted(detector.versions.items()))
    digest = hashlib.sha256(f"{ENGINE_VERSION}\n{_code_digest()}\n{listing}".encode()).hexdigest()[:12]
    return f"scrub-{ENGINE_VERSION}-{digest}"


@cache
def _code_digest() -> str:
    digest = hashlib.sha256()
    folder = Path(__file__).parent
    for path in sorted(p for p in folder.rglob("*") if p.suffix in {".py", ".txt"}):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()
