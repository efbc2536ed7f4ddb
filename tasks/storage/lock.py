"""One publisher at a time: a lock that a dead holder cannot keep.

On a folder it is a file lock, which the system frees. On object storage it is an object whose holder
changes it every few seconds; who has watched it unchanged for a whole lease takes it over. No clock is
compared with another machine's. The lock only serialises work: that a version has one publisher is
decided by the create-if-absent of its manifest, even if a paused holder wakes up late.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress

from schemas.errors import ConflictError, NotFoundError, ThoughttraceError
from tasks.storage.local import LocalStore
from tasks.storage.store import Store
from tasks.storage.tables import canonical_json

LEASE_S = 30.0
WAIT_S = 900.0


class Lock:
    """The lock while it is held."""

    def __init__(self, store: Store, key: str, holder: str, lease_s: float) -> None:
        self._store, self._key, self._holder, self._lease_s = store, key, holder, lease_s
        self._etag: str | None = None
        self._beat = 0
        self._lost = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="store-lock", daemon=True)

    def check(self) -> None:
        """Raise if the lock was lost.

        Raises:
            ConflictError: another publisher has taken it over, because we did not move for too long.
        """
        if self._lost:
            raise ConflictError("another publisher took the store's lock over; run again")

    def acquire(self, wait_s: float) -> None:
        """Wait for the lock and take it."""
        deadline = time.monotonic() + wait_s
        seen: str | None = None
        seen_at = time.monotonic()
        while True:
            with suppress(ConflictError):
                self._etag = self._store.swap(self._key, self._document(), None)
                break
            try:
                data, etag = self._store.get_with_etag(self._key)
            except NotFoundError:
                continue
            if etag != seen:
                seen, seen_at = etag, time.monotonic()
            if _is_free(data, self._holder) or time.monotonic() - seen_at > self._lease_s:
                with suppress(ConflictError):
                    self._etag = self._store.swap(self._key, self._document(), etag)
                    break
            if time.monotonic() > deadline:
                raise ConflictError(
                    f"another publication has been under way for {wait_s:.0f} s; run again later"
                )
            time.sleep(0.1)
        self._thread.start()

    def release(self) -> None:
        """Stop holding; the object stays, without a holder."""
        self._stop.set()
        self._thread.join()
        if not self._lost:
            with suppress(ThoughttraceError):
                self._holder = ""
                self._store.swap(self._key, self._document(), self._etag)

    def _keep(self) -> None:
        while not self._stop.wait(self._lease_s / 3):
            self._beat += 1
            try:
                self._etag = self._store.swap(self._key, self._document(), self._etag)
            except ConflictError:
                self._lost = True
                return
            except ThoughttraceError:
                continue  # the store is away for a moment; the lease still runs

    def _document(self) -> bytes:
        return canonical_json(
            {"holder": self._holder, "host": socket.gethostname(), "pid": os.getpid(), "beat": self._beat}
        )


@contextmanager
def hold_lock(
    store: Store,
    key: str,
    holder: str,
    *,
    has_swap: bool = True,
    lease_s: float = LEASE_S,
    wait_s: float = WAIT_S,
) -> Generator[Lock]:
    """Hold the store's lock; without compare-and-swap the caller has promised to be alone.

    Raises:
        ConflictError: others held it all the time.
    """
    lock = Lock(store, key, holder, lease_s)
    if isinstance(store, LocalStore):
        with store.locked(key):
            yield lock
    elif not has_swap:
        yield lock
    else:
        lock.acquire(wait_s)
        try:
            yield lock
        finally:
            lock.release()


def _is_free(data: bytes, holder: str) -> bool:
    """Whether nobody holds it any more: given back, held by a dead process here, or by our own last attempt."""
    try:
        document = json.loads(data)
        if not document["holder"]:
            return True
        if document["host"] != socket.gethostname():
            return False
        if document["pid"] == os.getpid():
            return document["holder"] == holder
        os.kill(document["pid"], 0)
    except ProcessLookupError:
        return True
    except (ValueError, KeyError, TypeError, PermissionError):
        return False
    return False
