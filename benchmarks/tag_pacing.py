"""How politely labels are asked for: `python -m benchmarks.tag_pacing [CALLS]`.

The runner, 128 in flight through real litellm, against a provider on loopback that lets 100 calls a second
through and says so only by refusing. No other load should be on the machine.
"""

from __future__ import annotations

import os
import sys
import time

from benchmarks.loopback_provider import provider_process
from benchmarks.tag_calls import make_calls, send_with_runner

LATENCY_S, LIMIT_PER_S = 0.2, 100


def main(n: int) -> None:
    """Send n calls and print the share of the limit, of refusals and of losses."""
    with provider_process(LATENCY_S, LIMIT_PER_S) as environment:
        os.environ |= environment
        from tasks.tag.client import import_litellm

        import_litellm()
        calls = make_calls(n)
        began = time.perf_counter()
        answered, refused = send_with_runner(calls)
        rate = n / (time.perf_counter() - began)
    print(
        f"{n:,} calls, {rate:.1f} a second: {100 * rate / LIMIT_PER_S:.0f} % of the limit, {refused} refused "
        f"({100 * refused / n:.1f} %), {n - answered} lost"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_500)
