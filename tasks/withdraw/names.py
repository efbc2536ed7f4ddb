"""The list of who withdrew: raw recruitment ids or public ids, one a line. Read, never stored."""

from __future__ import annotations

from pathlib import Path

from schemas.errors import InputError


def read_names(path: Path) -> dict[str, int]:
    """Return the ids in a file with the line each stands on; blank lines and `#` comments are skipped.

    Raises:
        InputError: the file cannot be read, is no text, or names nobody.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text; give one id a line") from None
    names: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        # a spreadsheet's single column may come quoted
        name = line.partition("#")[0].strip().strip("\"',;").strip()
        if name:
            names.setdefault(name, number)
    if not names:
        raise InputError(f"{path} names nobody; give one recruitment id or public id a line")
    return names
