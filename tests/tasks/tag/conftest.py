from __future__ import annotations

import pytest
from hypothesis import settings

# a shared machine stalls now and then; no law here is about time
settings.register_profile("steady", deadline=None)
settings.load_profile("steady")


@pytest.fixture(scope="session")
def _provider():
    from tag_provider import FakeProvider

    server = FakeProvider()
    yield server
    server.close()


@pytest.fixture
def provider(_provider, monkeypatch):
    _provider.reset()
    monkeypatch.setenv("OPENAI_API_KEY", "test")
    monkeypatch.setenv("OPENAI_API_BASE", _provider.url)
    return _provider
