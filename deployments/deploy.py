"""Make the Prefect server know the pipeline: work pool, deployments, automations. Safe to run again.

PREFECT_API_URL=http://127.0.0.1:4200/api python -m deployments.deploy
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from deployments.switches import keep_switches, read_switches
from flows.prefect_env import prepare_prefect

ROOT = Path(__file__).parents[1]
"""Folder that holds flows/, tasks/ and schemas/: the repository, or site-packages."""

PREFECT_FILE = Path("deployments/prefect.yaml")
WORK_POOL = "thoughttrace"


def create_work_pool() -> None:
    """Create the pool of process workers; one of this name is left as it is."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectAlreadyExists
    from prefect.workers.process import ProcessWorker

    pool = WorkPoolCreate(
        name=WORK_POOL,
        type="process",
        description="Workers that run the release pipeline.",
        base_job_template=ProcessWorker.get_default_base_job_template(),
    )
    with get_client(sync_client=True) as client:
        try:
            client.create_work_pool(pool)
        except ObjectAlreadyExists:
            return


def deploy_flows() -> None:
    """Create or update every deployment of `prefect.yaml`.

    Raises:
        CalledProcessError: the `prefect` command failed; its own message stands above.
    """
    # what a person switched on or off in the UI outlives the first values of the file
    document = keep_switches(read_prefect_file(), read_switches())
    # entrypoints are resolved against the working folder, hence `cwd`
    environment = {
        "RELEASE_HOME": str(ROOT),
        "RELEASE_EXPORTS": "exports",
        "RELEASE_TAXONOMIES": "",
        **os.environ,
    }
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    with tempfile.TemporaryDirectory(prefix="deploy-") as folder:
        file = Path(folder) / PREFECT_FILE.name
        file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        subprocess.run(  # noqa: S603 - a fixed command
            [*command, "--prefect-file", str(file)],
            cwd=ROOT,
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
        )


def read_prefect_file() -> dict[str, Any]:
    """The deployments as `prefect.yaml` describes them."""
    return dict(yaml.safe_load((ROOT / PREFECT_FILE).read_text(encoding="utf-8")))


def title_forms() -> None:
    """Give the fields of the forms words for titles; Prefect takes a parameter's name, `config_file`."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import DeploymentUpdate
    from prefect.flows import load_flow_from_entrypoint

    with get_client(sync_client=True) as client:
        for deployment in read_prefect_file()["deployments"]:
            path, _, name = deployment["entrypoint"].partition(":")
            flow = load_flow_from_entrypoint(f"{ROOT / path}:{name}")
            schema = flow.parameters.model_dump()
            for parameter, field in schema["properties"].items():
                field["title"] = parameter.replace("_", " ").capitalize()
            known = client.read_deployment_by_name(f"{flow.name}/{deployment['name']}")
            update = DeploymentUpdate(parameter_openapi_schema=schema)
            client.update_deployment(known.id, update)


def main() -> None:
    """Do all of it against the server of `PREFECT_API_URL`."""
    prepare_prefect()
    if not os.environ.get("PREFECT_API_URL"):
        sys.exit("set PREFECT_API_URL to the server, such as http://127.0.0.1:4200/api")
    from deployments.automations import upsert_automations

    create_work_pool()
    deploy_flows()
    title_forms()
    for line in upsert_automations():
        print(line)


if __name__ == "__main__":
    main()
