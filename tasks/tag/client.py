"""The only module that talks to model providers: one call through litellm, errors by name.

litellm is imported when the first client is made (1.9 s), with its downloads switched off. It retries
nothing and routes nothing here: pacing, retries and fallbacks are ours, because its router rejects what
exceeds a limit instead of queueing it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.errors import BudgetError, ConfigError
from tasks.tag.call_errors import SCHEMA_REFUSED, CallError, name_error
from tasks.tag.questions import PARAMETERS

_ENVIRONMENT = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOG": "ERROR",
}

_OWN_HTTP = "EXPERIMENTAL_OPENAI_BASE_LLM_HTTP_HANDLER"
"""Sends models of OpenAI's protocol litellm's own way, as it sends most other providers' models. Its way through
the openai package walks every message through the types of all six roles, a quarter of a call's CPU."""
_ACCOUNT = ("OPENAI_ORGANIZATION", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID")
"""What only the openai package sends along: whose account pays matters more than CPU."""

TOP_LOGPROBS = 20
"""Alternatives asked for where log-probabilities are wanted; the most that providers give."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        text: the answer; None when the body held none.
        snapshot: model as the provider names it.
        input_tokens: tokens billed for the prompt.
        output_tokens: tokens billed for the answer.
        usd: price; 0 where it is not known.
        is_cut: whether the answer hit its length limit.
        is_refused: whether the provider marks the answer as a refusal.
        first_logprobs: log-probabilities of the likeliest first tokens; None where the provider gives none.
    """

    text: str | None
    snapshot: str
    input_tokens: int
    output_tokens: int
    usd: float
    is_cut: bool
    is_refused: bool = False
    first_logprobs: Mapping[str, float] | None = None


def import_litellm() -> Any:
    """Import litellm with its network access and its chatter switched off."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if not any(os.environ.get(name) for name in _ACCOUNT):
        os.environ.setdefault(_OWN_HTTP, "True")
    import litellm

    from tasks.tag.local_chat import register_local_models

    litellm.suppress_debug_info = True
    litellm.drop_params = True
    register_local_models(litellm)
    return litellm


def mute_success_log() -> None:
    """Have litellm write no success log for the calls of this task.

    Nobody reads it, each entry holds the messages, and making it takes a tenth of a call's CPU. A litellm
    without this switch writes it.
    """
    try:
        from litellm._internal_context import is_internal_call
    except ImportError:
        return
    is_internal_call.set(True)


class ChatClient:
    """One model behind litellm.

    Args:
        model: litellm's name of the model.
        timeout_s: longest wait for an answer.
        allow_unpriced: use a model whose price is not known, counted as 0.

    Raises:
        ConfigError: the environment lacks what the provider needs.
        BudgetError: the price is not known, and that is not allowed.
    """

    def __init__(self, model: str, timeout_s: float, *, allow_unpriced: bool) -> None:
        self._litellm = import_litellm()
        self.model = model
        self._timeout_s = timeout_s
        require_environment(model)
        price = find_price(model)
        if price is None and not allow_unpriced:
            raise BudgetError(
                f"the price of {model} is not known, so no budget can hold; name another model or pass "
                "--allow-unpriced to count it as 0"
            )
        self.usd_per_input_token, self.usd_per_output_token = price or (0.0, 0.0)
        self._has_schema = True

    def price(self, input_tokens: int, output_tokens: int) -> float:
        """Return the price of a call in USD."""
        return input_tokens * self.usd_per_input_token + output_tokens * self.usd_per_output_token

    async def complete(
        self,
        static: str,
        body: str,
        schema: Mapping[str, Any],
        max_output_tokens: int,
        *,
        logprobs: bool = False,
    ) -> Reply:
        """Send one call and return what came back.

        The schema goes along as `response_format` until the provider refuses it; it stands in the prompt
        in any case, and every answer is checked on our side. With `logprobs` the answer is one plain token, so
        no schema goes along; a provider that knows no log-probabilities answers without them.

        Raises:
            CallError: no answer; says by name why.
        """
        try:
            return await self._send(static, body, schema, max_output_tokens, logprobs=logprobs)
        except CallError as error:
            if error.name != SCHEMA_REFUSED or not self._has_schema:
                raise
            self._has_schema = False
            return await self._send(static, body, schema, max_output_tokens, logprobs=logprobs)

    async def _send(
        self, static: str, body: str, schema: Mapping[str, Any], max_output_tokens: int, *, logprobs: bool
    ) -> Reply:
        extra: dict[str, Any] = {}
        if logprobs:
            extra |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
        elif self._has_schema:
            extra["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "answers", "schema": dict(schema), "strict": True},
            }
        mute_success_log()
        try:
            response = await self._litellm.acompletion(
                model=self.model,
                messages=[{"role": "system", "content": static}, {"role": "user", "content": body}],
                timeout=self._timeout_s,
                max_tokens=max_output_tokens,
                num_retries=0,
                max_retries=0,
                **PARAMETERS,
                **extra,
            )
        except Exception as error:
            # a provider's message may quote the prompt: only its name goes on
            raise CallError(*name_error(self._litellm, error)) from None
        return self._read(response)

    def _read(self, response: Any) -> Reply:
        usage = getattr(response, "usage", None)
        input_tokens = int(getattr(usage, "prompt_tokens", 0) or 0)
        output_tokens = int(getattr(usage, "completion_tokens", 0) or 0)
        choices = getattr(response, "choices", None) or []
        message = getattr(choices[0], "message", None) if choices else None
        content = getattr(message, "content", None)
        return Reply(
            text=content if isinstance(content, str) else None,
            snapshot=str(getattr(response, "model", "") or self.model),
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            usd=self.price(input_tokens, output_tokens),
            is_cut=bool(choices) and getattr(choices[0], "finish_reason", "") == "length",
            is_refused=_is_refused(message),
            first_logprobs=_first_logprobs(choices[0]) if choices else None,
        )


def _is_refused(message: Any) -> bool:
    fields = getattr(message, "provider_specific_fields", None) or {}
    return bool(getattr(message, "refusal", None) or fields.get("refusal"))


def _first_logprobs(choice: Any) -> Mapping[str, float] | None:
    """Return the alternatives of the first token; a provider may give none, or give them in another shape."""
    content = getattr(getattr(choice, "logprobs", None), "content", None) or []
    top = getattr(content[0], "top_logprobs", None) or [] if content else []
    found = {str(t.token): float(t.logprob) for t in top if hasattr(t, "token") and hasattr(t, "logprob")}
    return found or None


def require_environment(model: str) -> None:
    """Check that the environment holds what a model's provider needs.

    litellm reports a missing key only at the call, as an error that looks worth retrying.

    Raises:
        ConfigError: names what is missing.
    """
    if model.startswith("local/"):
        return
    missing = import_litellm().validate_environment(model).get("missing_keys") or []
    if missing:
        raise ConfigError(
            f"the model {model} needs {', '.join(missing)} in the environment; nothing was asked"
        )


def find_price(model: str) -> tuple[float, float] | None:
    """Return USD for an input and an output token, or None when litellm does not know the model."""
    litellm = import_litellm()
    try:
        prompt_usd, completion_usd = litellm.cost_per_token(
            model=model, prompt_tokens=1_000_000, completion_tokens=1_000_000
        )
    except Exception:
        return None
    return prompt_usd / 1e6, completion_usd / 1e6


def count_tokens(model: str, text: str) -> int:
    """Return the tokens of a text by the model's tokenizer, or the nearest one that ships."""
    return int(import_litellm().token_counter(model=model, text=text))
