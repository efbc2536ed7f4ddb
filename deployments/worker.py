"""Start the worker that runs the flows of this package.

python -m deployments.worker --name local

Options are those of `prefect worker start`; pool and type are given.
"""

from __future__ import annotations

import sys

from deployments.deploy import WORK_POOL
from flows.prefect_env import prepare_prefect


def main() -> None:
    """Run Prefect's own command with our worker in the place of its process worker."""
    prepare_prefect()
    from prefect.cli import app

    import deployments.reporting  # noqa: F401 # pyright: ignore[reportUnusedImport] - takes that place

    sys.argv[1:] = ["worker", "start", "--pool", WORK_POOL, "--type", "process", *sys.argv[1:]]
    app()


if __name__ == "__main__":
    main()
