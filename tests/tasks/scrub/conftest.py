"""One detector and one scrubber for all tests of a process: loading the models takes a second."""

import pytest

from schemas.config import PrivacySettings
from tasks.scrub.detect import Detector
from tasks.scrub.engine import build_detector
from tasks.scrub.scrubber import Scrubber


@pytest.fixture(scope="session")
def detector() -> Detector:
    return build_detector(PrivacySettings())


@pytest.fixture(scope="session")
def scrubber(detector: Detector) -> Scrubber:
    return Scrubber(PrivacySettings(), "strict", b"k" * 32, detector=detector)
