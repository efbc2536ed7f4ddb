"""A candidate under another version: staged again by the flow that made it, from its finished steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.manifest import Candidate
    from schemas.run import RunContext


def stage_under(run: RunContext, found: Candidate, version: str, config_file: str = "") -> Candidate:
    """Stage a candidate again under another version, which stands in its tables, card and report.

    Args:
        run: places of the store.
        found: the candidate that a person approves.
        version: what it shall be called.
        config_file: settings file; empty means the one of the run that staged it.

    Raises:
        UsageError: it is no version or goes backwards, how the candidate was staged is not known, or the same call
            makes something else by now.
        StaleCandidateError: another release was published since.
    """
    from flows.cli.checks import check_set_version
    from schemas.errors import UsageError
    from tasks.publish.candidate import read_candidate
    from tasks.publish.fresh import check_fresh
    from tasks.publish.parameters import read_call
    from tasks.storage.store import open_store

    check_set_version(version)
    private = open_store(run.private)
    name, parameters = read_call(private, found.candidate_id)
    check_fresh(open_store(run.store), private, found.model_copy(update={"version": version}))
    parameters["store"] = run.store
    parameters["config_file"] = config_file or parameters.get("config_file", "")
    parameters["publishing"] = parameters.get("publishing", {}) | {"set_version": version}
    outcome = _find_flow(name)(**parameters, approval="stage")
    if outcome["status"] != "staged":
        raise UsageError(
            f"the run of candidate {found.candidate_id} ends {outcome['status']} by now; reject it"
        )
    staged = read_candidate(private, outcome["candidate_id"])
    if _origin(staged) != _origin(found):
        raise UsageError(
            f"what candidate {found.candidate_id} was made from has changed since; look at the new candidate "
            f"{staged.candidate_id} ({staged.version}), then approve or reject it"
        )
    return staged


def _find_flow(name: str) -> Callable[..., Any]:
    from schemas.errors import UsageError

    if name == "release":
        from flows.release import release

        return release
    if name == "retag":
        from flows.retag import retag

        return retag
    raise UsageError(f"a candidate of the flow {name} keeps its version; approve it without --set-version")


def _origin(candidate: Candidate) -> dict[str, Any]:
    """What decides the content but for the name: inputs, policy, taxonomies, requests and rows."""
    info = candidate.info.model_dump(include={"inputs", "policy", "taxonomies", "withdrawals"})
    return info | {"rows": {name: table.n_rows for name, table in candidate.tables.items()}}
