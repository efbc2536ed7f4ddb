"""Why a call gave no answer: litellm's many exceptions as a closed list of names, never the provider's words."""

from __future__ import annotations

from typing import Any

RATE_LIMITED = "rate_limited"
TRANSIENT = "provider_unavailable"
SCHEMA_REFUSED = "schema_refused"
FATAL = frozenset({"auth", "model_not_found", "quota_exhausted"})
"""Errors that end the use of a model."""


class CallError(Exception):
    """A call that gave no answer.

    Attributes:
        name: a name of the closed list in `name_error`; never the provider's own text.
        retry_after_s: how long the provider asks to wait, where it says so.
    """

    def __init__(self, name: str, retry_after_s: float | None = None) -> None:
        super().__init__(name)
        self.name = name
        self.retry_after_s = retry_after_s


def name_error(litellm: Any, error: Exception) -> tuple[str, float | None]:
    """Return the name of an error from the closed list, and the wait that the provider asks for."""
    text = str(error).lower()
    if isinstance(error, litellm.RateLimitError):
        if "insufficient_quota" in text or "credit balance" in text:
            return "quota_exhausted", None
        return RATE_LIMITED, _retry_after(error)
    by_class = (
        (litellm.ContextWindowExceededError, "too_long"),
        (litellm.ContentPolicyViolationError, "content_filter"),
        (litellm.AuthenticationError, "auth"),
        (litellm.PermissionDeniedError, "auth"),
        (litellm.NotFoundError, "model_not_found"),
    )
    for kind, name in by_class:
        if isinstance(error, kind):
            return name, None
    if isinstance(error, litellm.BadRequestError):
        refused = any(word in text for word in ("response_format", "json_schema", "structured output"))
        return (SCHEMA_REFUSED if refused else "bad_request"), None
    if "api_key" in text and "must be set" in text:
        return "auth", None
    return TRANSIENT, _retry_after(error)


def _retry_after(error: Exception) -> float | None:
    headers: Any = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return float(headers.get("retry-after"))
    except (TypeError, ValueError):
        return None
