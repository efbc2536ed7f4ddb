"""Preference pairs as the lines that trainers read.

Source: TRL, dataset formats, conversational preference with explicit prompt; OpenAI, preference fine-tuning
(direct preference optimisation).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

FORMATS = ("trl", "openai")


def to_trl(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pair in TRL's conversational preference format, with its provenance beside.

    Args:
        row: of the `preference_pairs` table.
    """
    return {
        "prompt": json.loads(row["context"]),
        "chosen": [{"role": "assistant", "content": row["chosen"]}],
        "rejected": [{"role": "assistant", "content": row["rejected"]}],
        "pair_id": row["pair_id"],
        "guidance": row["guidance"],
    }


def to_openai(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pair in OpenAI's preference format, which knows no further keys.

    Args:
        row: of the `preference_pairs` table.
    """
    return {
        "input": {"messages": json.loads(row["context"]), "tools": [], "parallel_tool_calls": True},
        "preferred_output": [{"role": "assistant", "content": row["chosen"]}],
        "non_preferred_output": [{"role": "assistant", "content": row["rejected"]}],
    }


def write_lines(documents: Iterable[Mapping[str, Any]]) -> bytes:
    """Return JSON Lines."""
    return "".join(json.dumps(d, ensure_ascii=False) + "\n" for d in documents).encode()
