"""Create or update the server's rules by name (`automations.yaml`); Prefect's own command makes duplicates."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

FILE = Path(__file__).parent / "automations.yaml"


def read_rules(environ: Mapping[str, str]) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """Yield each rule with the variables that it lacks; a rule that lacks none has them filled in."""
    for rule in yaml.safe_load(FILE.read_text(encoding="utf-8")):
        needs = rule.pop("needs", [])
        missing = [name for name in needs if not environ.get(name)]
        for action in rule["actions"]:
            if not missing and "block" in action:
                action["block"] = action["block"].format_map(environ)
        yield rule, missing


def upsert_automations() -> Iterator[str]:
    """Bring the server's rules in line with the file; yields one line a rule.

    Raises:
        LookupError: a deployment or block that a rule names does not exist.
    """
    from prefect.client.orchestration import get_client
    from prefect.events.schemas.automations import AutomationCore

    with get_client(sync_client=True) as client:
        for rule, missing in read_rules(os.environ):
            if missing:
                yield f"rule left out: {rule['name']} (needs {', '.join(missing)})"
                continue
            for action in rule["actions"]:
                _fill_ids(client, action)
            automation = AutomationCore.model_validate(rule)
            known = client.read_automations_by_name(automation.name)
            if not known:
                client.create_automation(automation)
            for number, old in enumerate(known):
                if number == 0:
                    client.update_automation(old.id, automation)
                else:
                    client.delete_automation(old.id)
            yield f"rule {'updated' if known else 'created'}: {automation.name}"


def _fill_ids(client: SyncPrefectClient, action: dict[str, Any]) -> None:
    """Replace the names of deployments and blocks by the ids that the server gave them."""
    from prefect.exceptions import ObjectNotFound

    deployment, block = action.pop("deployment", None), action.pop("block", None)
    try:
        if deployment:
            action["deployment_id"] = client.read_deployment_by_name(deployment).id
        if block:
            kind, _, name = block.partition("/")
            action["block_document_id"] = client.read_block_document_by_name(name, kind).id
    except ObjectNotFound:
        raise LookupError(f"the server has no {deployment or block}; deploy or create it first") from None
