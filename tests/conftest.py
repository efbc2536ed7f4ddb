"""What all tests share: no network beyond loopback, no colours, and the place of the real examples."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.tag_provider import FakeProvider

# before anything imports Prefect, litellm or an object-store client
os.environ.update(
    {
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
        "LITELLM_LOCAL_BLOG_POSTS": "True",
        "HF_HUB_OFFLINE": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        # small matrices: threads that spin only slow a shared machine down
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }
)
from tests.fault_table import (  # noqa: F401
    pytest_collection_modifyitems,
    pytest_runtest_logreport,
    pytest_sessionfinish,
)
from tests.storage_servers import nanio, nanio_env, weed, weed_env  # noqa: F401

for name in [n for n in os.environ if n.startswith(("THOUGHTTRACE_", "PREFECT_API_"))]:
    del os.environ[name]

REPO = Path(__file__).parents[1]


def find_shared_data(name: str) -> Path | None:
    """The file under `shared/data` beside this checkout or one of its parents, if it is there."""
    for parent in (REPO, *REPO.parents):
        candidate = parent / "shared" / "data" / name
        if candidate.is_file():
            return candidate
    return None


@pytest.fixture(scope="session")
def real_export() -> Path:
    """The 20 real conversations; they are not ours to commit."""
    path = find_shared_data("thoughttrace_examples.jsonl")
    if path is None:
        pytest.skip("shared/data/thoughttrace_examples.jsonl is not beside this checkout")
    return path


@pytest.fixture(scope="session")
def _provider() -> Iterator[FakeProvider]:
    from tests.tag_provider import FakeProvider

    server = FakeProvider()
    yield server
    server.close()


@pytest.fixture
def provider(_provider: FakeProvider, monkeypatch: pytest.MonkeyPatch) -> FakeProvider:
    """A model provider on loopback, and an environment that leads to it."""
    _provider.reset()
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("OPENAI_API_BASE", _provider.url)
    return _provider
