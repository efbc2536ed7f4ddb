"""Keyed digests of what was masked: comparable within one key, readable by nobody."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata

DIGEST_HEX = 32
"""128 bits."""


def surface_hmac(key: bytes, kind: str, surface: str) -> str:
    """Return the digest of a surface form; casing and spacing do not count.

    Source: RFC 2104 (HMAC) with SHA-256, cut to 128 bits.
    """
    plain = " ".join(unicodedata.normalize("NFKC", surface).casefold().split())
    return hmac.new(key, f"{kind}\0{plain}".encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[
        :DIGEST_HEX
    ]
