"""Imported by the process from which the workers fork: what it reads, they share.

It imports neither polars nor pyarrow: both start threads with their import, and a thread is lost in a fork.
"""

from __future__ import annotations

import gc
from contextlib import suppress

from schemas.config import PrivacySettings
from tasks.scrub.engine import build_detector
from tasks.scrub.language import load_identifier

# what fails here fails again where it is needed, and is told there
with suppress(Exception):
    # a first text, for what is read with its first use
    build_detector(PrivacySettings()).detect(["I am Anna Example. I live at 12 High Street, Springfield."])
    load_identifier()
gc.freeze()
