"""The table of docs/reliability.md from a report of crash rounds: `python tests/e2e/crash_table.py crash-report.jsonl`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

HEADS = (
    "killed",
    "rounds",
    "seconds into the run",
    "ended as",
    "completed without a re-run",
    "others shown as running for at most",
    "answers paid for / asked again, in flight at the kill",
)


def tabulate(lines: list[str]) -> str:
    """A row a kind; every round in the report has passed its checks."""
    rounds = [json.loads(line) for line in lines]
    rows = [HEADS, ["---"] * len(HEADS)]
    for kind in dict.fromkeys(seen["kind"] for seen in rounds):
        of_kind = [seen for seen in rounds if seen["kind"] == kind]
        left = [seen["running_s"] for seen in of_kind if seen["ended_as"] != "Completed"]
        ended = Counter(seen["ended_as"] for seen in of_kind)
        rows.append(
            (
                {"both": "flow process and worker"}.get(kind, f"{kind} process" if kind == "flow" else kind),
                str(len(of_kind)),
                f"{min(s['at_s'] for s in of_kind):.0f} – {max(s['at_s'] for s in of_kind):.0f}",
                ", ".join(f"{n} {state}" for state, n in ended.most_common()),
                str(ended["Completed"]),
                f"{max(left):.0f} s" if left else "",
                f"{sum(s['n_paid'] for s in of_kind):,} / {sum(s['n_in_flight'] for s in of_kind)}",
            )
        )
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


if __name__ == "__main__":
    sys.stdout.write(tabulate(Path(sys.argv[1]).read_text().splitlines()))
