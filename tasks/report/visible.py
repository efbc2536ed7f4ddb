"""Characters that steer instead of showing: made visible, so that text cannot disguise itself."""

from __future__ import annotations

import re

_STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u061c\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
    "\U000e0000-\U000e007f]"
)


def show_controls(text: str) -> str:
    """Write controls, direction overrides and invisible characters as `⟨U+202E⟩`; keep tab and newline.

    Joiners (U+200C, U+200D) stay: scripts and emoji need them.
    """
    return _STEERING.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text.replace("\r\n", "\n"))
