"""Where a release comes from: inputs, code, settings, taxonomies and models, as the manifest states it."""

from __future__ import annotations

import hashlib
import importlib.metadata
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from schemas.config import Settings
from schemas.manifest import CodeInfo, InputInfo, ModelInfo, ReleaseInfo, TaxonomyInfo
from schemas.taxonomies import Taxonomy
from tasks.storage.tables import canonical_json
from tasks.tag.costs import list_models

_ROOT = Path(__file__).parents[2]


def describe_origin(
    settings: Settings,
    policy: str,
    report: Mapping[str, Any],
    taxonomies: Mapping[str, Taxonomy],
    cost: Mapping[str, Any],
) -> ReleaseInfo:
    """Describe the origin of a release.

    Args:
        settings: settings of the run.
        policy: privacy policy in force.
        report: what reading the exports counted (`inputs`, `dialects`).
        taxonomies: facet to taxonomy.
        cost: cost of the labels.
    """
    return ReleaseInfo(
        title=settings.report.title,
        license=settings.report.license,
        policy=policy,
        taxonomies={
            facet: TaxonomyInfo(version=t.version, sha256=digest_taxonomy(t))
            for facet, t in taxonomies.items()
        },
        config_sha256=digest_settings(settings),
        code=describe_code(),
        inputs=[InputInfo(**entry) for entry in report["inputs"]],
        models=[ModelInfo(**entry) for entry in list_models(cost)],
        cost_usd=float(cost.get("usd", 0.0)),
    )


def digest_settings(settings: Settings) -> str:
    """Digest the settings that decide a release's content; places and runners do not."""
    content = settings.model_dump(mode="json", exclude={"store", "private_store", "run"})
    return hashlib.sha256(canonical_json(content)).hexdigest()


def digest_taxonomy(taxonomy: BaseModel) -> str:
    """Digest everything a taxonomy says."""
    return hashlib.sha256(canonical_json(taxonomy.model_dump(mode="json"))).hexdigest()


def describe_code() -> CodeInfo:
    """Version, commit and lock file of the code that runs."""
    lock = _ROOT / "deployments" / "requirements.lock"
    return CodeInfo(
        version=importlib.metadata.version("thoughttrace"),
        commit=_git("rev-parse", "HEAD"),
        is_dirty=bool(_git("status", "--porcelain", "--untracked-files=no")),
        lock_sha256=hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else "",
    )


def _git(*arguments: str) -> str | None:
    # an installed package may lie inside some other checkout
    if not (_ROOT / ".git").exists():
        return None
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(_ROOT), *arguments],  # noqa: S607 - whichever git the user has
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
