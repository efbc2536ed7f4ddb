"""Licence ids as the hub, SPDX and the web write them."""

from __future__ import annotations

_KNOWN = {
    "cc-by-4.0": ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"),
    "cc-by-sa-4.0": ("CC-BY-SA-4.0", "https://creativecommons.org/licenses/by-sa/4.0/"),
    "cc-by-nc-4.0": ("CC-BY-NC-4.0", "https://creativecommons.org/licenses/by-nc/4.0/"),
    "cc0-1.0": ("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "odc-by": ("ODC-By-1.0", "https://opendatacommons.org/licenses/by/1-0/"),
}


def spdx_id(licence: str) -> str:
    """Return the SPDX id of a licence as the hub writes it; an unknown one unchanged."""
    return _KNOWN.get(licence.lower(), (licence, ""))[0]


def licence_url(licence: str) -> str:
    """Return the address of a licence's text; for an unknown one the SPDX page of that name."""
    return _KNOWN.get(licence.lower(), ("", f"https://spdx.org/licenses/{licence}.html"))[1]
