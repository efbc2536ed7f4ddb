"""What crosses from one task to another: references, counts and names, so that any worker process will do."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import pytest
from prefect import Flow, Task

REPO = Path(__file__).parents[2]
MODULES = sorted(
    ".".join(path.relative_to(REPO).with_suffix("").parts) for path in (REPO / "tasks").rglob("*task.py")
)
HEAVY = ("DataFrame", "LazyFrame", "Series", "bytes", "BinaryIO", "Client", "Logger")


def find_tasks() -> dict[str, Task]:
    found = {}
    for name in MODULES:
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, Task) and value.fn.__module__ == name:
                found[f"{name}.{value.fn.__name__}"] = value
    return found


TASKS = find_tasks()


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_no_frame_text_or_client_crosses(task) -> None:
    signature = inspect.signature(task.fn)
    crossing = [str(p.annotation) for p in signature.parameters.values()] + [str(signature.return_annotation)]
    assert not [word for word in HEAVY if any(word in annotation for annotation in crossing)]


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_a_person_understands_the_run(task) -> None:
    # without a template Prefect adds random characters
    assert task.task_run_name
    assert task.task_run_name[0].islower()
    assert not task.persist_result


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_no_task_is_repeated_whole(task) -> None:
    # requests are repeated where they are sent; a step that failed otherwise would fail again, or pay again
    assert not task.retries


def test_no_flow_is_repeated_whole() -> None:
    names = [path.stem for path in (REPO / "flows").glob("*.py") if path.stem != "__init__"]
    modules = [importlib.import_module(f"flows.{name}") for name in names]
    flows = {value.name: value for m in modules for value in vars(m).values() if isinstance(value, Flow)}
    assert {"release", "retag", "withdraw", "approve", "verify", "redact"} <= set(flows)
    assert not [name for name, value in flows.items() if value.retries]
