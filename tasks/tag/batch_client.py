"""A provider's batch API: many calls in one file, half the price, an answer within a day."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tasks.tag.call_errors import CallError, name_error
from tasks.tag.client import import_litellm
from tasks.tag.questions import PARAMETERS

PROVIDERS = frozenset({"openai", "azure", "hosted_vllm", "litellm_proxy", "mistral"})
"""Providers whose batches litellm can create, and that take the lines of this module."""
_URL = "/v1/chat/completions"
_RUNNING = frozenset({"validating", "in_progress", "finalizing", "cancelling"})


@dataclass(frozen=True, slots=True)
class BatchCall:
    """One call of a batch: an id of ours, and the two parts of the prompt with the schema of the answer."""

    custom_id: str
    static: str
    body: str
    schema: Mapping[str, Any]
    max_output_tokens: int


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """One answered call: text (None: the body held none), snapshot of the model, tokens billed."""

    text: str | None
    snapshot: str
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True)
class BatchState:
    """Where a batch is: whether it runs, and the file with its answers once there is one."""

    is_running: bool
    status: str
    output_file_id: str | None


def offers_batches(model: str) -> bool:
    """Whether the model's provider has a batch API that is spoken here."""
    return model.split("/")[0] in PROVIDERS


class BatchClient:
    """Submits batches of one model, looks after them and reads their answers.

    Args:
        model: litellm's name of the model, with its provider.
        timeout_s: longest wait for an answer of the provider.
    """

    def __init__(self, model: str, timeout_s: float) -> None:
        self._litellm = import_litellm()
        self._provider, _, self._name = model.partition("/")
        base = os.environ.get("OPENAI_BASE_URL") or os.environ.get("OPENAI_API_BASE")
        where = {"api_base": base} if base and self._provider == "openai" else {}
        self._common: dict[str, Any] = {
            "custom_llm_provider": self._provider,
            "timeout": timeout_s,
            "max_retries": 2,
            **where,
        }

    def submit(self, calls: Sequence[BatchCall]) -> str:
        """Send the calls as one batch; returns the provider's id of it.

        Raises:
            CallError: the provider refused; says by name why.
        """
        lines = "".join(f"{json.dumps(self._describe(call), ensure_ascii=False)}\n" for call in calls)
        file = self._try(self._litellm.create_file, file=("labels.jsonl", lines.encode()), purpose="batch")
        batch = self._try(
            self._litellm.create_batch,
            completion_window="24h",
            endpoint=_URL,
            input_file_id=file.id,
        )
        return str(batch.id)

    def look(self, batch_id: str) -> BatchState:
        """Return where a batch is.

        Raises:
            CallError: the provider does not know it any more, or does not answer.
        """
        batch = self._try(self._litellm.retrieve_batch, batch_id=batch_id)
        status = str(batch.status)
        return BatchState(status in _RUNNING, status, getattr(batch, "output_file_id", None))

    def read(self, output_file_id: str) -> dict[str, BatchAnswer]:
        """Return the answers of a finished batch by our id; calls that failed are not among them.

        Raises:
            CallError: the file cannot be had.
        """
        content = self._try(self._litellm.file_content, file_id=output_file_id)
        answers: dict[str, BatchAnswer] = {}
        for line in bytes(content.content).splitlines():
            row = _read_object(line)
            response = _object(row.get("response"))
            if row.get("custom_id") and response.get("status_code", 200) == 200:
                answers[str(row["custom_id"])] = _read_answer(_object(response.get("body")))
        return answers

    def _describe(self, call: BatchCall) -> dict[str, Any]:
        return {
            "custom_id": call.custom_id,
            "method": "POST",
            "url": _URL,
            "body": {
                "model": self._name,
                "messages": [
                    {"role": "system", "content": call.static},
                    {"role": "user", "content": call.body},
                ],
                "max_tokens": call.max_output_tokens,
                **PARAMETERS,
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "answers", "schema": dict(call.schema), "strict": True},
                },
            },
        }

    def _try(self, function: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return function(**arguments, **self._common)
        except Exception as error:
            # a provider's message may quote the prompt: only its name goes on
            raise CallError(*name_error(self._litellm, error)) from None


def find_batch_price(model: str) -> tuple[float, float] | None:
    """Return USD for an input and an output token in a batch, or None where litellm does not know it."""
    litellm = import_litellm()
    try:
        info = litellm.get_model_info(model)
    except Exception:
        return None
    prices = info.get("input_cost_per_token_batches"), info.get("output_cost_per_token_batches")
    return None if prices[0] is None or prices[1] is None else (float(prices[0]), float(prices[1]))


def _read_answer(body: Mapping[str, Any]) -> BatchAnswer:
    choices = cast("list[Any]", body.get("choices") or [])
    message = _object(_object(choices[0]).get("message")) if choices else {}
    content, usage = message.get("content"), _object(body.get("usage"))
    return BatchAnswer(
        content if isinstance(content, str) else None,
        str(body.get("model") or ""),
        int(usage.get("prompt_tokens") or 0),
        int(usage.get("completion_tokens") or 0),
    )


def _read_object(line: bytes) -> dict[str, Any]:
    try:
        return _object(json.loads(line))
    except ValueError:
        return {}


def _object(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
