"""The offline audit finds what it knows, and knows nothing against the lock."""

from __future__ import annotations

from deployments.audit import find_advisories, main, read_pins

LOCK = (
    "litellm==1.82.7 \\\n    --hash=sha256:00\nPyYAML==5.3.1 ; python_version > '3'\nuvicorn[standard]==0.1\n"
)


def test_bad_versions_are_found() -> None:
    pins = read_pins(LOCK)
    assert pins == {"litellm": "1.82.7", "pyyaml": "5.3.1", "uvicorn": "0.1"}
    advisories = [
        {"package": "litellm", "id": "A", "summary": "s", "versions": ["1.82.7"]},
        {"package": "PyYAML", "id": "B", "summary": "s", "ranges": [{"introduced": "0", "fixed": "5.4"}]},
        {"package": "uvicorn", "id": "C", "summary": "s", "ranges": [{"introduced": "0.2", "fixed": "0.3"}]},
    ]
    assert [line.split(": ")[1] for line in find_advisories(pins, advisories)] == ["A", "B"]


def test_the_lock_is_free_of_them(capsys) -> None:
    assert main() == 0
    assert "nothing known" in capsys.readouterr().out
