"""Cold backfills through a batch API: submitted once, found again after a kill, the rest goes the usual way.

A batch is named by the digest of its questions, and its provider's id is noted in the private store before
anything is waited for. The same command after a kill finds it there and pays for nothing twice.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from schemas.config import TagSettings
from schemas.errors import ProviderError
from tasks.memo.labels import LabelMemo, MemoRow
from tasks.memo.parts import PartStore, text_key
from tasks.tag.answers import parse_answers
from tasks.tag.batch_client import BatchAnswer, BatchCall, BatchClient, BatchState, find_batch_price
from tasks.tag.budget import Budget, Ledger
from tasks.tag.call_errors import TRANSIENT, CallError
from tasks.tag.client import find_price
from tasks.tag.questions import Call

FOLDER = "memo/batches"
MAX_CALLS = 20_000
_CHARACTERS_A_TOKEN = 3.5
PlacedCall = tuple[Call, tuple[int, ...]]


def run_batches(
    calls: Sequence[PlacedCall],
    model: str,
    settings: TagSettings,
    *,
    store: PartStore,
    memo: LabelMemo,
    budget: Budget,
    ledger: Ledger,
    now: datetime,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[int, MemoRow]:
    """Answer calls by batches; returns rows by the index of their question.

    What a batch did not answer, or answered with a fault, is not in the result: it goes to the provider
    singly. Calls that the budget cannot hold are not submitted.

    Args:
        calls: each call with the indices of its questions in the caller's list.
        model: whose provider has a batch API.
        settings: polling and patience.
        store: private store, for the note of what was submitted.
        memo: where answers are remembered.
        budget: money that may be spent.
        ledger: where costs are noted.
        now: time that answers are marked with.
        sleep: waits between two looks.

    Raises:
        ProviderError: a batch is not finished in time; the same command goes on waiting for it.
    """
    client = BatchClient(model, settings.timeout_s)
    # a batch is half the price; where that is not known, the full price is the safe guess
    prices = find_batch_price(model) or find_price(model) or (0.0, 0.0)
    found: dict[int, MemoRow] = {}
    for start in range(0, len(calls), MAX_CALLS):
        part = calls[start : start + MAX_CALLS]
        reserved = sum(_most(call, prices) for call, _ in part)
        if not budget.reserve(reserved):
            break
        paid = 0.0
        try:
            answers = _answer(part, model, client, settings, store, sleep)
            for call, indices in part:
                answer = answers.get(_name(call, model))
                if answer is None:
                    continue
                usd = answer.input_tokens * prices[0] + answer.output_tokens * prices[1]
                paid += usd
                line = ledger.line(call.decisions.facet, model)
                line.calls += 1
                line.input_tokens += answer.input_tokens
                line.output_tokens += answer.output_tokens
                line.usd += usd
                found |= _read_rows(call, indices, answer, model, usd, now)
        finally:
            budget.settle(reserved, paid)
        memo.add(list(found.values()))
    return found


def _answer(
    part: Sequence[PlacedCall],
    model: str,
    client: BatchClient,
    settings: TagSettings,
    store: PartStore,
    sleep: Callable[[float], None],
) -> dict[str, BatchAnswer]:
    names = [_name(call, model) for call, _ in part]
    note = f"{FOLDER}/{hashlib.blake2b(chr(10).join(names).encode(), digest_size=16).hexdigest()}.json"
    batch_id = _read_note(store, note)
    try:
        state = client.look(batch_id) if batch_id else None
        if state is None or batch_id is None or state.status in {"failed", "cancelled"}:
            batch_id = client.submit(
                [
                    BatchCall(
                        name,
                        call.decisions.static,
                        call.body(),
                        call.decisions.schema,
                        call.max_output_tokens,
                    )
                    for name, (call, _) in zip(names, part, strict=True)
                ]
            )
            store.put(note, json.dumps({"batch_id": batch_id, "model": model}).encode())
        state = _wait(client, batch_id, settings, sleep)
        return client.read(state.output_file_id) if state.output_file_id else {}
    except CallError:
        # whatever is wrong with batches here: the calls go singly, and fail by name there if they must
        return {}


def _wait(
    client: BatchClient, batch_id: str, settings: TagSettings, sleep: Callable[[float], None]
) -> BatchState:
    waited = 0.0
    while True:
        try:
            state = client.look(batch_id)
        except CallError as error:
            if error.name != TRANSIENT or waited >= settings.batch_hours * 3600:
                raise
        else:
            if not state.is_running:
                return state
        if waited >= settings.batch_hours * 3600:
            raise ProviderError(
                f"batch {batch_id} is not finished after {settings.batch_hours:g} hours; the same command goes "
                "on waiting for it and pays for nothing twice"
            )
        sleep(settings.batch_poll_s)
        waited += settings.batch_poll_s


def _read_rows(
    call: Call, indices: tuple[int, ...], answer: BatchAnswer, model: str, usd: float, now: datetime
) -> dict[int, MemoRow]:
    answers, _ = parse_answers(answer.text, len(indices), call.decisions.ids, multi=call.decisions.multi)
    share = max(len(answers), 1)
    return {
        indices[i]: MemoRow(
            key=call.questions[i].key(model),
            text_key=text_key(call.questions[i].item.text),
            facet=call.decisions.facet,
            values=given.values,
            runner_up=given.runner_up,
            confidence=given.confidence,
            abstained="" if given.values else "model_abstained",
            model=model,
            model_snapshot=answer.snapshot or model,
            prompt_sha256=call.decisions.prompt.sha256,
            input_tokens=answer.input_tokens // share,
            output_tokens=answer.output_tokens // share,
            cost_usd=usd / share,
            labelled_at=now,
        )
        for i, given in answers.items()
    }


def _name(call: Call, model: str) -> str:
    keys = "\n".join(q.key(model) for q in call.questions)
    return hashlib.blake2b(keys.encode(), digest_size=16).hexdigest()


def _most(call: Call, prices: tuple[float, float]) -> float:
    tokens_in = (len(call.decisions.static) + len(call.body())) / _CHARACTERS_A_TOKEN
    return tokens_in * prices[0] + call.max_output_tokens * prices[1]


def _read_note(store: PartStore, key: str) -> str | None:
    if not any(info.key == key for info in store.list(key)):
        return None
    return str(json.loads(store.get(key))["batch_id"])
