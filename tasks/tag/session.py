"""Asking models: the memo first, then calls; replay answers from the memo alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from schemas.config import TagSettings
from schemas.errors import BudgetError, DataError, ProviderError
from schemas.taxonomies import Taxonomy
from tasks.memo.labels import LabelMemo, MemoRow
from tasks.tag.batch_client import offers_batches
from tasks.tag.batches import PlacedCall, run_batches
from tasks.tag.budget import Budget, Ledger
from tasks.tag.questions import Call, Question, gather_calls
from tasks.tag.runner import run_calls
from tasks.tag.sending import BUDGET, NO_MODEL, Chat, RunLimits

NOT_ASKED = "dry_run"
"""Named reason of items that a dry run would have to ask about."""


def list_models(settings: TagSettings) -> list[str]:
    """Return the models of the comma list, in order."""
    return [m.strip() for m in settings.model.split(",") if m.strip()]


class Session:
    """One run's way to its models: memo, budget, limits and costs are shared by all facets.

    Args:
        settings: models, limits, replay.
        memo: answers already paid for.
        now: time that new answers are marked with.
        clients: clients of the models; None makes them when the first call is due.
        budget: shared with other parts of the run; None opens one from the settings.
        may_ask: whether what the memo does not know may be asked; a dry run asks nothing.
    """

    def __init__(
        self,
        settings: TagSettings,
        memo: LabelMemo,
        now: datetime,
        clients: Sequence[Chat] | None = None,
        budget: Budget | None = None,
        *,
        may_ask: bool = True,
    ) -> None:
        self.settings = settings
        self.models = list_models(settings)
        self.memo = memo
        self.ledger = Ledger()
        self.budget = budget or Budget(settings.budget_usd)
        self.now = now
        self._may_ask = may_ask
        self._clients = list(clients) if clients is not None else None

    def offer(self, taxonomy: Taxonomy) -> None:
        """Let the embedded models of the list answer in a taxonomy that does not ship."""
        if any(m.startswith("local/") for m in self.models):
            from tasks.tag.local_chat import LOCAL_CHAT

            LOCAL_CHAT.weights_dir = self.settings.weights_dir
            LOCAL_CHAT.offer([taxonomy])

    def with_memo(self, settings: TagSettings, memo: LabelMemo) -> Session:
        """Return a session over another memo and other settings, that spends the same budget and notes the same costs."""
        other = Session(settings, memo, self.now, budget=self.budget, may_ask=self._may_ask)
        other.ledger = self.ledger
        return other

    def find_known(self, questions: Sequence[Question]) -> dict[int, MemoRow]:
        """Return what the memo knows, by index; an answer of an earlier model in the list wins."""
        keys = [[q.key(m) for m in self.models] for q in questions]
        rows = self.memo.find([k for ks in keys for k in ks])
        found: dict[int, MemoRow] = {}
        for i, of_question in enumerate(keys):
            hit = next((rows[k] for k in of_question if k in rows), None)
            if hit is not None:
                found[i] = hit
        return found

    def list_known(self, questions: Sequence[Question]) -> set[int]:
        """Return the indices of the questions that the memo can answer: what planning needs, and quicker."""
        of_model = [[q.key(m) for q in questions] for m in self.models]
        known = self.memo.list_known([key for keys in of_model for key in keys])
        return {i for keys in of_model for i, key in enumerate(keys) if key in known}

    def ask(self, questions: Sequence[Question]) -> tuple[dict[int, MemoRow], dict[int, tuple[str, int]]]:
        """Return an answer or a named fault for every question, by index.

        Raises:
            DataError: replay is on, and the memo does not know an answer.
            BudgetError: the budget is spent; what was answered is remembered.
            ProviderError: no model is left; what was answered is remembered.
        """
        found = self.find_known(questions)
        for row in found.values():
            self.ledger.line(row.facet, row.model).memo_hits += 1
        open_indices = [i for i in range(len(questions)) if i not in found]
        if not open_indices:
            return found, {}
        if not self._may_ask:
            return found, dict.fromkeys(open_indices, (NOT_ASKED, 0))
        if self.settings.replay:
            first = questions[open_indices[0]]
            raise DataError(
                f"replay: the memo holds no answer for {len(open_indices)} questions, first "
                f"{first.decisions.name} of {first.item.item_id}; run once without --replay"
            )
        # the same question twice is asked once
        first_of: dict[str, int] = {}
        twins: dict[int, int] = {}
        for i in open_indices:
            key = questions[i].key(self.models[0])
            if key in first_of:
                twins[i] = first_of[key]
            else:
                first_of[key] = i
        asked = list(first_of.values())
        place = {id(questions[i]): i for i in asked}
        calls = [
            (call, tuple(place[id(q)] for q in call.questions))
            for call in gather_calls(questions[i] for i in asked)
        ]
        from_batches = self._ask_in_batches(calls)
        found |= from_batches
        calls = _without(calls, from_batches)
        report = run_calls(
            calls,
            self._open_clients(),
            limits=RunLimits(
                self.settings.concurrency,
                self.settings.requests_per_minute,
                self.settings.tokens_per_minute,
            ),
            budget=self.budget,
            ledger=self.ledger,
            memo=self.memo,
            now=self.now,
        )
        self._check_stopped(report.stopped, len(report.answered), len(asked))
        answered, faults = found | report.answered, dict(report.faults)
        for i, first_index in twins.items():
            if first_index in answered:
                answered[i] = answered[first_index]
            else:
                faults[i] = (faults[first_index][0], 0)
        return answered, faults

    def _ask_in_batches(self, calls: Sequence[PlacedCall]) -> dict[int, MemoRow]:
        """Answer a cold backfill by the first model's batch API, where it has one and the settings want it."""
        least, store = self.settings.batch_from, self.memo.store
        if not least or len(calls) < least or store is None or not offers_batches(self.models[0]):
            return {}
        self._open_clients()
        return run_batches(
            calls,
            self.models[0],
            self.settings,
            store=store,
            memo=self.memo,
            budget=self.budget,
            ledger=self.ledger,
            now=self.now,
        )

    def _check_stopped(self, stopped: str, n_answered: int, n_asked: int) -> None:
        kept = f"{n_answered} of {n_asked} answers are kept, the same command goes on from there"
        if stopped == BUDGET:
            raise BudgetError(
                f"the budget of {self.settings.budget_usd:g} USD does not allow another call; {kept} "
                "with a higher --budget"
            )
        if stopped == NO_MODEL:
            raise ProviderError(f"no model of {', '.join(self.models)} answers any more; {kept}")

    def _open_clients(self) -> Sequence[Chat]:
        if self._clients is None:
            from tasks.tag.client import ChatClient

            self._clients = [
                ChatClient(m, self.settings.timeout_s, allow_unpriced=self.settings.allow_unpriced)
                for m in self.models
            ]
        return self._clients


def _without(calls: Sequence[PlacedCall], answered: Mapping[int, MemoRow]) -> list[PlacedCall]:
    """Return what is left of the calls once some of their questions are answered."""
    rest: list[PlacedCall] = []
    for call, indices in calls:
        open_places = [n for n, index in enumerate(indices) if index not in answered]
        if len(open_places) == len(indices):
            rest.append((call, indices))
        elif open_places:
            questions = tuple(call.questions[n] for n in open_places)
            rest.append((Call(questions), tuple(indices[n] for n in open_places)))
    return rest
