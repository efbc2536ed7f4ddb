"""Generated pages are in step with the code; everything public is documented."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from deployments.docs import DOCS, PAGES, _commands
from flows.cli.app import build_command

REPO = Path(__file__).parents[2]
MODULES = sorted(
    p for top in ("schemas", "tasks", "flows", "deployments") for p in (REPO / top).rglob("*.py")
)
READ_BY_PEOPLE = [
    REPO / "README.md",
    *(
        p
        for top in ("docs", "tests", "benchmarks", "deployments")
        for p in sorted((REPO / top).rglob("*.md"))
    ),
]


@pytest.mark.parametrize("page", PAGES)
def test_generated_page_is_in_step(page) -> None:
    assert (DOCS / page).read_text() == PAGES[page](), "run `make docs`"


@pytest.mark.parametrize("module", MODULES, ids=lambda p: str(p.relative_to(REPO)))
def test_module_says_what_it_holds(module) -> None:
    assert ast.get_docstring(ast.parse(module.read_text()))


@pytest.mark.parametrize(
    ("path", "command"), _commands(build_command(), "thoughttrace"), ids=lambda v: str(v)
)
def test_commands_and_flags_are_documented(path, command) -> None:
    assert command.help, path
    for parameter in command.params:
        if parameter.param_type_name == "option":
            assert parameter.help, f"{path} {parameter.opts}"


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(p.name[:4]) for p in (DOCS / "adr").glob("[0-9]*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def _anchors(page: Path) -> set[str]:
    """Anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    plain = (re.sub(r"\]\([^)]*\)|[^\w\- ]", "", heading.strip().lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", READ_BY_PEOPLE, ids=lambda p: str(p.relative_to(REPO)))
def test_links_lead_somewhere(page) -> None:
    prose = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link
