"""The gate's policy: which numbers must lie where, and how bad it is when they do not."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from schemas.documents import read_yaml, tell_faults, tell_unread, tell_yaml_fault
from schemas.errors import ConfigError

Severity = Literal["critical", "warning", "info"]
Compare = Literal["value", "change", "ratio"]
IfMissing = Literal["skip", "warn", "fail"]
Share = Annotated[float, Field(ge=0, le=1)]


class _Frozen(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Needs(_Frozen):
    """A check that means something only from a certain size on."""

    metric: str = Field(min_length=1, description="Metric that tells the size.")
    at_least: float = Field(description="Smaller sizes skip the check.")


class Check(_Frozen):
    """One band on one metric, or on every metric that a pattern names."""

    name: str = Field(min_length=1, description="Short name, unique in the policy.")
    metric: str = Field(min_length=1, description="Name of the metric; `*` stands for any characters.")
    compare: Compare = Field(
        default="value",
        description="`value` of this release, its `change` or `ratio` to the last one.",
    )
    min: float | None = Field(default=None, description="Smallest value that passes.")
    max: float | None = Field(default=None, description="Largest value that passes.")
    severity: Severity
    when: Literal["always", "strict", "as-published"] = Field(
        default="always", description="Privacy policy under which the check holds."
    )
    needs: Needs | None = Field(default=None, description="Size from which the check means something.")
    if_missing: IfMissing = Field(
        default="skip", description="What a metric that this release does not have means."
    )
    waived_by_removals: bool = Field(
        default=False, description="Only a warning in a run that allows removals."
    )
    why: str = Field(min_length=1, description="What it means when the check fails, in words.")

    @model_validator(mode="after")
    def _check_band(self) -> Check:
        if self.min is None and self.max is None:
            raise ValueError(f"check {self.name!r} has neither min nor max")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"check {self.name!r} has min above max")
        return self


class DriftSet(_Frozen):
    """How far the shares of one set of labels may move."""

    name: str = Field(description="Set of shares: domain, reason, language, …")
    max_points: float | None = Field(
        default=5, gt=0, description="Largest move of a single share, in percentage points."
    )
    points_severity: Severity = "critical"
    psi_severity: Severity = "warning"


class Drift(_Frozen):
    """Limits on moves of shares between two releases."""

    sets: tuple[DriftSet, ...] = ()
    noise_sigmas: float = Field(
        default=3, ge=0, description="A move must also exceed this many standard errors of sampling."
    )
    psi_factor: float = Field(default=3, gt=0, description="Limit as a multiple of the simulated quantile.")
    psi_quantile: Share = Field(default=0.99, description="Quantile of the index under no change.")
    simulations: int = Field(default=2_000, ge=100, le=100_000)
    seed: int = 20260501


class GatePolicy(_Frozen):
    """The whole policy file."""

    policy_version: Literal[1] = 1
    checks: tuple[Check, ...] = ()
    drift: Drift = Drift()

    @model_validator(mode="after")
    def _check_names(self) -> GatePolicy:
        names = [c.name for c in self.checks]
        doubled = sorted({n for n in names if names.count(n) > 1})
        if doubled:
            raise ValueError(f"two checks are named {', '.join(doubled)}")
        return self


def parse_policy(text: str, place: str) -> GatePolicy:
    """Read a policy from YAML.

    Args:
        text: the YAML.
        place: where it came from, for messages.

    Raises:
        ConfigError: not YAML, an unknown key, a wrong type or a band that cannot hold.
    """
    try:
        document: Any = read_yaml(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"gate policy {place} is not YAML: {tell_yaml_fault(error)}") from error
    if not isinstance(document, dict):
        raise ConfigError(f"gate policy {place} holds no mapping; start from tasks/gate/policy.yaml")
    try:
        return GatePolicy.model_validate(document)
    except ValidationError as error:
        raise ConfigError(f"gate policy {place}: {tell_faults(error, 'policy')}") from error


def load_policy(path: str = "") -> GatePolicy:
    """Read the policy file, or the one that ships when `path` is empty.

    Raises:
        ConfigError: when the file cannot be read or is not a policy.
    """
    if not path:
        return parse_policy((files("tasks.gate") / "policy.yaml").read_text("utf-8"), "that ships")
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"gate.policy_file: cannot read {path!r} ({tell_unread(error)}); give a YAML file, or leave "
            "the setting empty for the policy that ships"
        ) from error
    return parse_policy(text, repr(path))
