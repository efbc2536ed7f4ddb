"""Keeps NumPy's matrix products on one thread: the blocks are small, and shards run in parallel anyway.

With more threads than free cores OpenBLAS spins: three times the CPU seconds for the same result.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np

_SETTERS = ("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads", "openblas_set_num_threads")


def use_one_blas_thread() -> bool:
    """Limit the OpenBLAS that NumPy's wheel carries; where NumPy was built otherwise, nothing is done.

    Returns:
        Whether a library was found and limited.
    """
    package = Path(np.__file__).parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        for path in sorted(folder.glob("*openblas*")):
            library = ctypes.CDLL(str(path))
            for name in _SETTERS:
                setter = getattr(library, name, None)
                if setter is not None:
                    setter(1)
                    return True
    return False
