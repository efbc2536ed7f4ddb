"""Uploading a release to the Hugging Face hub: one commit, one tag, never automatically.

`huggingface_hub` is an optional dependency and is imported when an upload starts.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import ConflictError, ServiceError, UsageError
from tasks.publish import layout
from tasks.publish.pull import pull_release
from tasks.publish.releases import read_manifest, require_files, resolve_version
from tasks.storage.store import Store

_LOG_IN = "no token for the hub: set HF_TOKEN or run `hf auth login`"
_CONFLICTS = frozenset({409, 412})
_DENIED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """What would be uploaded."""

    version: str
    files: tuple[str, ...]
    n_bytes: int


@dataclass(frozen=True, slots=True)
class Upload:
    """What was uploaded: the commit and where to see it."""

    commit: str
    url: str


def plan_upload(store: Store, version: str) -> UploadPlan:
    """List the files of a release that readers get.

    Raises:
        UsageError: the release is yanked: it must not spread further.
        NotFoundError: no such release, or its files are gone.
    """
    version = resolve_version(store, version)
    require_files(store, version)
    if store.head(layout.yanked(version)) is not None:
        raise UsageError(f"{version} is yanked and must not be uploaded; use a later version")
    manifest, _ = read_manifest(store, version)
    files = [f for t in manifest.views.values() for f in t.files] + list(manifest.side_files)
    prefix = layout.release(version, "")
    return UploadPlan(
        version, tuple(sorted(f.path.removeprefix(prefix) for f in files)), sum(f.n_bytes for f in files)
    )


def upload_release(store: Store, plan: UploadPlan, repo: str, *, is_private: bool = False) -> Upload:
    """Upload a release as one commit that replaces what the repository held, and tag it.

    Every file is checked against the manifest on the way. The token comes from the hub's own
    environment variable or login.

    Args:
        store: where the release is.
        plan: what to upload.
        repo: `owner/name` of the dataset repository; created if it is not there.
        is_private: create the repository as private.

    Raises:
        UsageError: the optional dependency or the token is missing, or the repository's name is not one.
        ConflictError: somebody else wrote to the repository meanwhile.
        ServiceError: the hub refused or could not be reached.
    """
    try:
        from huggingface_hub import HfApi, get_token
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError
    except ImportError:
        raise UsageError("uploading needs the hub extra: pip install 'thoughttrace[hub]'") from None
    import httpx

    if get_token() is None:
        raise UsageError(_LOG_IN)
    api = HfApi()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        pull_release(store, plan.version, folder)
        try:
            api.create_repo(repo, repo_type="dataset", private=is_private, exist_ok=True)
            commit = api.upload_folder(
                repo_id=repo,
                repo_type="dataset",
                folder_path=folder,
                commit_message=f"Release {plan.version}",
                delete_patterns="*",
            )
            api.create_tag(repo, tag=plan.version, revision=commit.oid, repo_type="dataset", exist_ok=True)
        except HFValidationError:
            raise UsageError(f"not a repository name: {repo}; write owner/name") from None
        except LocalTokenNotFoundError:
            raise UsageError(_LOG_IN) from None
        except HfHubHTTPError as error:
            status = error.response.status_code
            if status in _CONFLICTS:
                raise ConflictError(
                    f"the hub answered {status} for {repo}: somebody else wrote to it meanwhile; push again"
                ) from None
            raise ServiceError(f"the hub answered {status} for {repo}; {_hint(status)}") from None
        except (httpx.HTTPError, OSError) as error:
            raise ServiceError(
                f"the hub could not be reached ({type(error).__name__}); nothing was tagged"
            ) from None
    return Upload(commit.oid, f"{api.endpoint}/datasets/{repo}/tree/{plan.version}")


def _hint(status: int) -> str:
    if status in _DENIED:
        return "check HF_TOKEN and your rights on the repository"
    return "nothing was tagged; push again later" if status >= 500 else "nothing was tagged"
