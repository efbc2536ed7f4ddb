"""`make audit`: the locked packages held against known advisories, without a network.

`deployments/advisories.json` holds advisories in a part of the OSV form, kept by hand: add one when it is
published. Where the network may be used, `uvx pip-audit -r deployments/requirements.lock` asks the whole
database.

Source: https://ossf.github.io/osv-schema/
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import Version

HERE = Path(__file__).parent
LOCKS = ("requirements.lock", "requirements-dev.lock")
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", re.MULTILINE)


def read_pins(text: str) -> dict[str, str]:
    """Return package to version, for the lines of a lock file."""
    return {canonicalize_name(name): version for name, version in _PIN.findall(text)}


def is_affected(version: str, affected: dict[str, Any]) -> bool:
    """Whether an advisory speaks of a version, by its list or its ranges."""
    if version in affected.get("versions", ()):
        return True
    return any(
        Version(r.get("introduced", "0")) <= Version(version) and Version(version) < Version(r["fixed"])
        for r in affected.get("ranges", ())
    )


def find_advisories(pins: dict[str, str], advisories: list[dict[str, Any]]) -> Iterator[str]:
    """Yield one line for each advisory that speaks of a locked package."""
    for advisory in advisories:
        name = canonicalize_name(advisory["package"])
        if name in pins and is_affected(pins[name], advisory):
            yield f"{name} {pins[name]}: {advisory['id']}: {advisory['summary']}"


def main() -> int:
    """Print what is found; 1 if there is anything."""
    advisories = json.loads((HERE / "advisories.json").read_text(encoding="utf-8"))
    found: set[str] = set()
    for lock in LOCKS:
        pins = read_pins((HERE / lock).read_text(encoding="utf-8"))
        found |= set(find_advisories(pins, advisories))
        print(f"{lock}: {len(pins)} packages, {len(advisories)} advisories")
    print("\n".join(sorted(found)) or "nothing known against them")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
