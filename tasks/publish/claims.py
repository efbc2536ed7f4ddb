"""Create-if-absent for a store that cannot: raise a flag, look around, go only if alone.

Needs listings that show finished writes. Whoever lists second sees the first, so two never both go; a
flag left by a crash blocks, which is safe, until the same run repeats or a person removes it. There is
no time-out, because a paused holder may wake up.

Source: Dijkstra, "Solution of a problem in concurrent programming control", CACM 8 (1965).
"""

from __future__ import annotations

import random
import time

from schemas.errors import ConflictError
from tasks.storage.store import Store

_CLAIMS = "claims/"
_TRIES = 60


def create_alone(store: Store, private: Store, key: str, data: bytes, holder: str) -> None:
    """Write an object that must not exist yet, without help from the store.

    Args:
        store: where the object goes.
        private: where the flags are raised.
        key: of the object.
        data: its bytes.
        holder: name of the flag; the same over the retries of one run.

    Raises:
        ConflictError: it exists, or others hold flags that do not go away.
    """
    folder = f"{_CLAIMS}{key}/"
    flag = folder + holder
    others: list[str] = []
    for _ in range(_TRIES):
        if store.head(key) is not None:
            private.delete(flag)
            raise ConflictError(f"exists already: {key}")
        private.put(flag, b"1")
        others = [o.key for o in private.list(folder) if o.key != flag]
        if not others:
            if store.head(key) is None:
                store.put(key, data)
                private.delete(flag)
                return
            continue
        private.delete(flag)
        time.sleep(random.uniform(0, 0.15))
    raise ConflictError(
        f"another publisher claims {key}; if it died, delete {private.uri}/{others[0]} and run again"
    )
