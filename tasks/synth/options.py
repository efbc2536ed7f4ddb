"""What a generated export may look like; every figure has a realistic default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Dialect = Literal["published", "flat-study", "session"]


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of a generated export.

    Attributes:
        dialect: which of the three raw formats.
        short: short assistant answers (about 200 characters instead of 2,300), for quick tests.
        labels: whether thoughts carry their label.
        non_english: share of participants who write in another language.
        pii_share: share of user messages with planted personal data; thoughts get a quarter of it.
        oddity_share: share of messages with hostile or unusual text: HTML, bidi marks, injections.
        bad_share: share of lines that break a rule.
    """

    dialect: Dialect = "published"
    short: bool = False
    labels: bool = True
    non_english: float = 0.08
    pii_share: float = 0.06
    oddity_share: float = 0.001
    bad_share: float = 0.0
