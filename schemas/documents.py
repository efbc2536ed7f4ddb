"""Reading the YAML that people write: settings, taxonomies, policies.

`yaml.safe_load` builds plain values only, yet a hostile or merely odd document still ends it in other ways
than by its own error: a date that does not exist, a number of ten thousand digits, brackets without end; and
a few aliases of aliases grow to gigabytes once something walks through them.

Source: https://en.wikipedia.org/wiki/Billion_laughs_attack
"""

from __future__ import annotations

from typing import Any

import yaml
from pydantic import ValidationError

MAX_CHARACTERS = 4_000_000
MAX_TOLD, MAX_FAULTS = 300, 12
MAX_DEPTH = 64
"""Nobody writes more; and the time that open brackets take grows with the square of their number."""


class DocumentError(yaml.YAMLError):
    """A document that is not read; the message tells the place, never the text."""


class _Loader(yaml.SafeLoader):
    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event: Any = self.peek_event()
            raise DocumentError(
                f"line {event.start_mark.line + 1}: aliases (`*name`) are not read; repeat the value"
            )
        if self._depth == MAX_DEPTH:
            raise DocumentError("nested too deeply")
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


def read_yaml(text: str) -> Any:
    """Return the plain values of a YAML document.

    Args:
        text: the document.

    Raises:
        yaml.YAMLError: for whatever is wrong with it.
    """
    if len(text) > MAX_CHARACTERS:
        raise DocumentError(f"longer than {MAX_CHARACTERS} characters")
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        if error.problem and len(error.problem) > MAX_TOLD:
            error.problem = f"{error.problem[:MAX_TOLD]}…"
        raise
    except (ValueError, OverflowError, TypeError, AttributeError, LookupError) as error:
        # dates and numbers that cannot be
        raise DocumentError(f"a value that cannot be read ({type(error).__name__})") from None


def tell_unread(error: OSError | UnicodeDecodeError) -> str:
    """Say why a file of text is not read, in the system's words."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no UTF-8 text"
    return error.strerror or type(error).__name__


def tell_yaml_fault(error: yaml.YAMLError) -> str:
    """Say where a document is no YAML and, where it is safe, why; nothing of its text, which may hold secrets.

    Args:
        error: what `read_yaml` raised.
    """
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return str(error).splitlines()[0]
    # only words of the parser's own: what it quotes is from the document
    told = (getattr(error, name, None) for name in ("problem", "context"))
    why = next((f": {text}" for text in told if text and not set(text) & set("'\"")), "")
    return f"line {mark.line + 1}, column {mark.column + 1}{why}"


def tell_fault(message: str) -> str:
    """A model's message as its author wrote it: pydantic puts its kind before it."""
    return message.removeprefix("Value error, ").removeprefix("Assertion failed, ")


def tell_faults(error: ValidationError, whole: str) -> str:
    """Say what is wrong with a document: the place and the reason of each fault, as many as a person reads.

    Args:
        error: what the model of the document found.
        whole: what to call the document where a fault has no place in it.
    """
    faults = error.errors(include_url=False, include_input=False)
    told = [f"{'.'.join(map(str, f['loc'])) or whole}: {tell_fault(f['msg'])}" for f in faults[:MAX_FAULTS]]
    told = [text if len(text) <= MAX_TOLD else f"{text[:MAX_TOLD]}…" for text in told]
    return "; ".join([*told, *([f"{len(faults) - len(told)} more"] if len(faults) > len(told) else [])])
