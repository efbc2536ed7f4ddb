"""Reading from S3 although an answer breaks off in the middle: asked again, a few times.

botocore repeats requests that get no answer or a 5xx; a body that ends too early it leaves to the caller.
"""

from __future__ import annotations

import errno
import random
import time
from collections.abc import Callable
from typing import TypeVar

from schemas.errors import StoreUnavailableError, ThoughttraceError
from tasks.storage.s3_errors import status_code, translate_s3_error

T = TypeVar("T")
READ_ATTEMPTS = 4
_DISK = {
    errno.ENOSPC: "no space left on the device",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EFBIG: "the file would exceed the size limit",
    errno.EACCES: "no permission",
}


def read_again(read: Callable[[], T], uri: str, key: str) -> T:
    """Call `read` until its answer is whole; every attempt starts from the beginning.

    Args:
        read: one request and its whole body.
        uri: address of the store, for the message.
        key: what is read.

    Raises:
        NotFoundError: there is no such object.
        StoreUnavailableError: the answer broke off every time, none came, or it was a refusal.
    """
    for attempt in range(1, READ_ATTEMPTS + 1):
        try:
            return read()
        except ThoughttraceError:
            raise
        except Exception as error:  # the body broke off: whatever library noticed it
            if isinstance(error, OSError) and error.errno in _DISK and status_code(error) is None:
                told = f"cannot read {uri}/{key} to this disk: {_DISK[error.errno]}; mend that and run again"
                raise StoreUnavailableError(told) from error
            if attempt == READ_ATTEMPTS or not _broke_off(error):
                raise translate_s3_error(error, uri, "read", key) from error
            # at different moments, lest all readers of a server that came back ask it together
            time.sleep(0.1 * 2 ** (attempt - 1) * (0.5 + random.random()))
    raise AssertionError("unreachable")


def _broke_off(error: Exception) -> bool:
    """Whether it may be worth asking again: no refusal, and not what botocore has repeated already."""
    from botocore.exceptions import ConnectionError as NoConnection

    return status_code(error) is None and not isinstance(error, (NoConnection, FileNotFoundError))
