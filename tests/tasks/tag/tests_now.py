"""The time at which all tests of this folder take place."""

from __future__ import annotations

from datetime import UTC, datetime

NOW = datetime(2026, 1, 1, tzinfo=UTC)
