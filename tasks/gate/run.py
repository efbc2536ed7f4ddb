"""The release gate: may this release be staged, compared with the last one?"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tasks.gate.judge import judge
from tasks.gate.plan import PlannedCheck, plan_checks
from tasks.gate.policy import GatePolicy

GATE_VERSION = "1.0.0"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One judged check, as it stands in `gate.json`.

    Attributes:
        name: unique name.
        metric: metric that it looks at.
        severity: critical, warning or info.
        unit: what `value` is: value, change, ratio, points or psi.
        status: passed, failed, or skipped where there is nothing to judge.
        passed: false only for `failed`.
        value: the number judged.
        low: smallest value that passes.
        high: largest value that passes.
        current: the metric in this release.
        previous: the metric in the last release.
        why: the outcome in words.
    """

    name: str
    metric: str
    severity: str
    unit: str
    status: str
    passed: bool
    value: float | None
    low: float | None
    high: float | None
    current: float | None
    previous: float | None
    why: str


@dataclass(frozen=True, slots=True)
class GateResult:
    """All checks of one release."""

    checks: tuple[CheckResult, ...]
    is_first: bool
    engine: str
    policy_sha256: str

    @property
    def failed_critical(self) -> tuple[CheckResult, ...]:
        """Checks that stop the release."""
        return tuple(c for c in self.checks if not c.passed and c.severity == "critical")

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        """Failed checks that a person should see before approving."""
        return tuple(c for c in self.checks if not c.passed and c.severity == "warning")

    @property
    def passed(self) -> bool:
        """Whether the release may be staged."""
        return not self.failed_critical

    @property
    def document(self) -> dict[str, Any]:
        """What `gate.json` holds."""
        return {
            "gate_version": GATE_VERSION,
            "passed": self.passed,
            "is_first_release": self.is_first,
            "note": "First release: there is nothing to compare with, so only absolute bands were checked."
            if self.is_first
            else "",
            "n_checks": len(self.checks),
            "n_failed_critical": len(self.failed_critical),
            "n_warnings": len(self.warnings),
            "n_skipped": sum(c.status == "skipped" for c in self.checks),
            "engine": self.engine,
            "policy_sha256": self.policy_sha256,
            "checks": [asdict(c) for c in self.checks],
        }


def run_gate(
    metrics: Mapping[str, Any],
    previous: Mapping[str, Any] | None,
    policy: GatePolicy,
    *,
    allow_removals: bool = False,
    overlap: float | None = None,
) -> GateResult:
    """Judge a release.

    Args:
        metrics: flat numbers of this release (`tasks.stats.metrics.metrics`).
        previous: those of the last release (its `metrics.json`), None for the first. Entries that are no
            numbers, as another schema may hold, are passed over.
        policy: bands and severities.
        allow_removals: the run allows conversations to vanish.
        overlap: share of this release's labels on conversations that the last release held too; None
            takes the smaller release to lie within the larger one.
    """
    current = _numbers(metrics)
    before = None if previous is None else _numbers(previous)
    plans = plan_checks(current, before, policy, allow_removals=allow_removals, overlap=overlap)
    verdicts = judge(plans)
    return GateResult(
        checks=tuple(_conclude(plan, verdicts.passed.get(plan.name)) for plan in plans),
        is_first=before is None,
        engine=verdicts.engine,
        policy_sha256=hashlib.sha256(
            json.dumps(policy.model_dump(mode="json"), sort_keys=True).encode()
        ).hexdigest(),
    )


def tell_failed(checks: Sequence[Mapping[str, Any]], place: str) -> str:
    """Say which checks stopped a release, and what to do now.

    Args:
        checks: the failed critical checks as `gate.json` holds them.
        place: where that document lies.
    """
    told = "; ".join(f"{check['name']}: {check['why'].rstrip('.')}" for check in checks)
    return (
        f"the release gate failed {len(checks)} critical check{'s' if len(checks) > 1 else ''}: {told}. "
        f"Nothing was staged; {place} has every check with its figures. Mend the export, or where a check is too "
        "strict, change it in a copy of tasks/gate/policy.yaml, name that in gate.policy_file and run again"
    )


def _numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {
        str(name): float(value)
        for name, value in metrics.items()
        if isinstance(value, bool | int | float) and math.isfinite(value)
    }


def _conclude(plan: PlannedCheck, verdict: bool | None) -> CheckResult:
    if verdict is None:
        status = "failed" if plan.missing_fails else "skipped"
    else:
        status = "passed" if verdict else "failed"
    return CheckResult(
        name=plan.name,
        metric=plan.metric,
        severity=plan.severity,
        unit=plan.unit,
        status=status,
        passed=status != "failed",
        value=plan.value,
        low=plan.low,
        high=plan.high,
        current=plan.current,
        previous=plan.previous,
        why=_explain(plan, status),
    )


def _explain(plan: PlannedCheck, status: str) -> str:
    parts: list[str] = []
    if plan.value is not None:
        parts.append(f"{_show(plan.value, plan.unit)}, {_band(plan)}.")
    if status == "failed" and plan.value is None:
        parts.append("Not measured, though the policy asks for it.")
    elif status == "failed":
        parts.append(plan.why)
    if plan.note:
        parts.append(f"{plan.note[0].upper()}{plan.note[1:]}.")
    return " ".join(parts)


def _band(plan: PlannedCheck) -> str:
    low, high = plan.low, plan.high
    if low is None and high is None:
        return "no limit"
    if low is None:
        return f"allowed up to {_show(high or 0.0, plan.unit)}"
    if high is None:
        return f"allowed from {_show(low, plan.unit)}"
    return f"allowed from {_show(low, plan.unit)} to {_show(high, plan.unit)}"


def _show(value: float, unit: str) -> str:
    number = f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"
    return {
        "points": f"{value:+.2f} points",
        "change": f"{value:+.4g}",
        "ratio": f"{number} times the last release",
        "psi": f"index {number}",
    }.get(unit, number)
