"""Jinja environments: HTML and Markdown, both closed against values that carry markup."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from tasks.report.bars import count
from tasks.report.markdown import markdown_text
from tasks.report.visible import show_controls

if TYPE_CHECKING:
    from jinja2 import Environment, Template


class _Raw(str):
    """Text of our own that stands in a code block as it is."""

    __slots__ = ()


def html_template(name: str) -> Template:
    """Return a template whose values are escaped as HTML and stripped of steering characters."""
    return _html_environment().get_template(name)


def markdown_template(name: str) -> Template:
    """Return a template whose values are escaped as Markdown; `|raw` is for code."""
    return _markdown_environment().get_template(name)


@cache
def _html_environment() -> Environment:
    # autoescape is set outright: the default list of file endings leaves `.html.j2` unescaped
    environment = _environment(autoescape=True)
    environment.finalize = _finish_html
    environment.filters["bar"] = _bar
    return environment


@cache
def _markdown_environment() -> Environment:
    environment = _environment(autoescape=False)
    environment.finalize = _finish_markdown
    environment.filters["raw"] = _raw
    return environment


def _environment(*, autoescape: bool) -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tasks.report", "."),
        autoescape=autoescape,  # noqa: S701 - Markdown is escaped by `finalize`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["n"] = _thousands
    environment.filters["count"] = count
    return environment


def _finish_html(value: object) -> object:
    # markup is of our own making; autoescape sees to the rest
    return show_controls(value) if type(value) is str else value


def _finish_markdown(value: object) -> str:
    return value if isinstance(value, _Raw) else markdown_text(value)


def _raw(value: str) -> _Raw:
    return _Raw(show_controls(value))


def _thousands(value: Any) -> str:
    return f"{value:,}"


def _bar(width: float) -> Markup:
    """A share in percent as a bar: an attribute of our own SVG, since the page allows no inline style."""
    return Markup(
        '<svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        '<rect width="100" height="8" fill="var(--grid)"/><rect width="{:.2f}" height="8" fill="var(--slate)"/></svg>'
    ).format(width)
