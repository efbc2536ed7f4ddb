"""Which models predict and which judge: names resolved, and nobody judges their own work."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.config import EvaluateSettings
from schemas.errors import UsageError
from tasks.evaluate.local_models import LOCAL_MODELS, OVERLAP, SIMILARITY, WRITER
from tasks.evaluate.suite import Options, Suite

LOCAL = "local"


def choose_options(suite: Suite, settings: EvaluateSettings, method: str) -> Options:
    """Return how a suite is run.

    Raises:
        UsageError: a method that the suite does not know, or a predictor without another model to judge it.
    """
    method = method or suite.methods[0]
    if method not in suite.methods:
        known = ", ".join(m for m in suite.methods if m)
        raise UsageError(
            f"{suite.name} knows no method {method!r}"
            + (f"; known: {known}" if known else "; it has one way only")
        )
    models = split_models(settings.model) or [LOCAL]
    named = split_models(settings.judge)
    if suite.predicts and suite.judges:
        _refuse_own_judge(models, named)
    predictors = tuple(WRITER if m == LOCAL else m for m in models) if suite.predicts else ()
    if not suite.judges:
        return Options(settings, method, predictors, ())
    if not named:
        # several predictors judge each other; one alone is judged by the local models
        named = models if suite.predicts and len(models) > 1 else [LOCAL]
    judges = tuple(
        dict.fromkeys(j for name in named for j in ((SIMILARITY, OVERLAP) if name == LOCAL else (name,)))
    )
    return Options(settings, method, predictors, judges)


def split_models(names: str) -> list[str]:
    """Return the models of a comma list, each once, in order."""
    return list(dict.fromkeys(n.strip() for n in names.split(",") if n.strip()))


def is_local(model: str) -> bool:
    """Whether a model is one of those that stand in offline."""
    return model == LOCAL or model in LOCAL_MODELS


def _refuse_own_judge(models: Sequence[str], judges: Sequence[str]) -> None:
    if not judges:
        return
    for model in models:
        if all(base_name(j) == base_name(model) for j in judges):
            raise UsageError(
                f"{model} cannot judge what it wrote itself: name another model with --judge, or several "
                "with a comma between them"
            )


def base_name(model: str) -> str:
    """Return a model's name without its provider, so that `openai/x` and `x` are one model."""
    return model.rsplit("/", 1)[-1].lower()
