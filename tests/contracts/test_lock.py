"""The lock files agree with pyproject.toml, hold hashes and no address of any index."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPO = Path(__file__).parents[2]
PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text())["project"]
LOCKS = {
    "requirements.lock": PROJECT["dependencies"],
    "requirements-dev.lock": PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"],
}


def read_lock(name: str) -> dict[str, list[str]]:
    pins: dict[str, list[str]] = {}
    for match in re.finditer(
        r"^([A-Za-z0-9_.\-\[\]]+)==([^\s;\\]+)", (REPO / "deployments" / name).read_text(), re.M
    ):
        pins.setdefault(canonicalize_name(match[1].split("[")[0]), []).append(match[2])
    return pins


@pytest.mark.parametrize("name", LOCKS)
def test_lock_holds_hashes_and_no_address(name) -> None:
    text = (REPO / "deployments" / name).read_text()
    assert "://" not in text
    assert text.count("--hash=sha256:") > len(read_lock(name))


@pytest.mark.parametrize("name", LOCKS)
def test_lock_satisfies_every_requirement(name) -> None:
    pins = read_lock(name)
    for line in LOCKS[name]:
        requirement = Requirement(line)
        versions = pins.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement.name} is not locked: run `make lock`"
        assert all(requirement.specifier.contains(v) for v in versions), line


def test_runtime_lock_is_part_of_the_dev_lock() -> None:
    dev = read_lock("requirements-dev.lock")
    for name, versions in read_lock("requirements.lock").items():
        assert set(versions) <= set(dev[name]), name


def test_no_unknown_pth_file_runs_at_interpreter_start() -> None:
    # a malicious release of a dependency once shipped one
    site = Path(next(p for p in sys.path if p.endswith("site-packages")))
    allowed = re.compile(
        r"^(__editable__|_virtualenv|distutils-precedence|easy-install|matplotlib|coverage|a1_coverage|zope)"
    )
    assert [p.name for p in site.glob("*.pth") if not allowed.match(p.name)] == []


def test_the_command_line_starts_without_heavy_libraries() -> None:
    heavy = (
        "litellm",
        "great_expectations",
        "altair",
        "spacy",
        "onnxruntime",
        "s3fs",
        "pandera",
        "prefect",
        "polars",
    )
    script = (
        "import sys; from flows.cli.app import build_command; build_command(); "
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=REPO, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
