"""Builds the detector of a run: the name models, the shipped recognisers and those of the settings."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from schemas.config import PrivacySettings
from tasks.scrub.detect import ENGINE_VERSION, Detector
from tasks.scrub.ner import load_tagger
from tasks.scrub.recognizers import RECOGNIZERS
from tasks.scrub.recognizers.own import OwnRecognizers
from tasks.scrub.weights import MEDIUM, SMALL, find_model


def build_detector(settings: PrivacySettings, *, deny: Sequence[str] = ()) -> Detector:
    """Load the models and compile the recognisers; costs about a second, so once a process.

    Args:
        settings: which models, which recognisers of its own.
        deny: strings that are always masked.

    Raises:
        ConfigError: a model is missing or altered, or a recogniser of the settings is wrong.
    """
    own = OwnRecognizers(settings.recognizers, deny)
    models = (SMALL, MEDIUM) if settings.high_recall else (SMALL,)
    return Detector([load_tagger(find_model(model)) for model in models], RECOGNIZERS, own)


def engine_version(detector: Detector) -> str:
    """Return what decides the spans of a text: engine, recognisers with versions, weights."""
    listing = "\n".join(f"{name}={version}" for name, version in sorted(detector.versions.items()))
    digest = hashlib.sha256(f"{ENGINE_VERSION}\n{listing}".encode()).hexdigest()[:12]
    return f"scrub-{ENGINE_VERSION}-{digest}"
