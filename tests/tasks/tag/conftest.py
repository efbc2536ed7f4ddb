from __future__ import annotations

import pytest
from hypothesis import settings

# a shared machine stalls now and then; no law here is about time
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


@pytest.fixture(autouse=True)
def no_heads(monkeypatch):
    """Heads are fitted anew: tests put other vectors under the name of an embedder."""
    monkeypatch.setattr("tasks.tag.local._known", {})
