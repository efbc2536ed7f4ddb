"""Semantic shift: pairs, the published order on real conversations, hosted embeddings under the budget."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from schemas.config import EvaluateSettings
from schemas.errors import BudgetError, ProviderError
from tasks.evaluate import semantic_shift, vectors
from tasks.evaluate.asking import PlanningAsker
from tasks.evaluate.conversations import Conversation, Thought, Turn
from tasks.evaluate.run import _plan_embedding
from tasks.evaluate.semantic_shift import KINDS, check_order
from tasks.evaluate.suite import Options
from tasks.evaluate.vectors import HostedEmbedder, KeptVectors, open_local_vectors
from tasks.memo.answers import AnswerMemo
from tasks.memo.vectors import VectorMemo
from tasks.storage.local import LocalStore
from tasks.tag.budget import Budget, CostLine


def read_export(path) -> list[Conversation]:
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        turns = []
        for n, m in enumerate(record["messages"]):
            mid = f"{record['id']}_message{n}"
            kind = "reason" if m["type"] == "user" else "reaction"
            thoughts = tuple(
                Thought(f"{mid}_{kind}{i}", kind, t["content"], "", 0.0)
                for i, t in enumerate(m.get(f"{kind}s") or [])
            )
            turns.append(Turn(mid, m["type"], m["content"], "", 0.0, "", thoughts))
        found.append(Conversation(record["id"], record["id"].split("_")[0], "train", tuple(turns)))
    return found


def test_the_published_order_comes_out_on_the_real_conversations(real_export, tmp_path) -> None:
    options = Options(EvaluateSettings(resamples=100), "", (), ())
    selection = semantic_shift.select(read_export(real_export), options)
    asker = PlanningAsker(AnswerMemo(LocalStore(tmp_path)))
    asker.is_planning = False
    findings = semantic_shift.collect(selection, options, asker, open_local_vectors("", None))
    results = semantic_shift.summarise(selection, options, findings)
    assert results.checks["order_holds"] is True
    assert {r.group for r in results.rows} == set(KINDS)
    aucs = {r.group: r.value for r in results.rows if r.metric == "probe_auc"}
    assert aucs["message_next"] < 0.65
    assert aucs["message_reason"] > 0.8
    assert "<svg" in results.figures["figure"]
    assert "PCA" in results.figures["figure"] or "UMAP" in results.figures["figure"]
    assert Counter(i.group for i in selection.items) == {
        "message_next": 144,
        "message_reason": 154,
        "reaction_next": 139,
    }


def test_order_needs_every_kind_and_every_measure() -> None:
    assert check_order([])["order_holds"] is None


@pytest.fixture
def hosted(monkeypatch):
    calls = []

    def embedding(model, input, **options):
        calls.append(list(input))
        data = [{"index": i, "embedding": [float(len(t)), 1.0]} for i, t in enumerate(input)]
        return SimpleNamespace(data=data[::-1], usage=SimpleNamespace(prompt_tokens=10 * len(input)))

    fake = SimpleNamespace(embedding=embedding, validate_environment=lambda model: {"missing_keys": []})
    monkeypatch.setattr(vectors, "import_litellm", lambda: fake)
    monkeypatch.setattr(vectors, "find_price", lambda model: (1e-6, 0.0))
    monkeypatch.setattr("tasks.tag.client.find_price", lambda model: (1e-6, 0.0))
    monkeypatch.setattr(vectors, "name_error", lambda litellm, error: (str(error), None))
    return SimpleNamespace(calls=calls, litellm=fake)


def open_hosted(budget_usd: float, line: CostLine | None = None, sleep=lambda s: None) -> HostedEmbedder:
    return HostedEmbedder(
        "openai/e", Budget(budget_usd), line or CostLine(), 5, allow_unpriced=False, sleep=sleep
    )


def test_hosted_vectors_are_unit_in_order_and_accounted_for(hosted) -> None:
    line = CostLine()
    found = open_hosted(1.0, line).embed([f"{'x' * (n % 7)}" for n in range(100)])
    assert [len(c) for c in hosted.calls] == [64, 36]
    assert np.allclose(np.linalg.norm(found, axis=1), 1)
    assert found[3][0] > found[2][0]
    assert (line.calls, line.input_tokens, line.usd) == (2, 1000, pytest.approx(1e-3))
    assert all(hosted.calls[0])


def test_hosted_vectors_stop_at_the_budget_and_at_a_dead_provider(hosted) -> None:
    with pytest.raises(BudgetError):
        open_hosted(1e-7).embed(["a rather long text"] * 10)
    assert hosted.calls == []
    waits = []

    def fail(**options):
        raise RuntimeError("provider_unavailable")

    hosted.litellm.embedding = fail
    with pytest.raises(ProviderError, match="openai/e failed: provider_unavailable"):
        open_hosted(1.0, sleep=waits.append).embed(["text"])
    assert len(waits) == 4


def test_hosted_vectors_are_paid_for_once_and_planned_so(hosted, tmp_path) -> None:
    store = LocalStore(tmp_path)
    texts = [f"text {n}" for n in range(80)]
    first = KeptVectors(VectorMemo(open_hosted(1.0), store)).embed(texts)
    assert len(hosted.calls) == 2
    again = KeptVectors(VectorMemo(open_hosted(1.0), store)).embed(texts)
    assert len(hosted.calls) == 2
    assert np.array_equal(first, again)
    assert _plan_embedding("openai/e", [*texts, "new"], store).n_known == 80


def test_a_killed_embedding_loses_one_batch(hosted, tmp_path) -> None:
    store = LocalStore(tmp_path)
    texts = [f"text {n}" for n in range(100)]
    answer = hosted.litellm.embedding

    def die(**options):
        if hosted.calls:
            raise KeyboardInterrupt
        return answer(**options)

    hosted.litellm.embedding = die
    with pytest.raises(KeyboardInterrupt):
        KeptVectors(VectorMemo(open_hosted(1.0), store)).embed(texts)
    hosted.litellm.embedding = answer
    KeptVectors(VectorMemo(open_hosted(1.0), store)).embed(texts)
    assert [len(c) for c in hosted.calls] == [64, 36]
