"""What a release run leaves on its page: a summary in counts, and a name that tells the version."""

from __future__ import annotations

import pytest

from tasks.synth.export import generate, write_export


@pytest.mark.usefixtures("prefect_server")
def test_name_and_summary_of_a_dry_run(tmp_path, monkeypatch) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    from flows.release import release
    from schemas.params import PublishingOptions

    export = tmp_path / "export.jsonl"
    write_export(generate(10, 3, "published", short=True), export)
    monkeypatch.setenv("THOUGHTTRACE_ID_KEY", "k" * 40)
    monkeypatch.setenv("THOUGHTTRACE_TAG__MODEL", "none")
    state = release(
        exports=[str(export)],
        store=str(tmp_path / "store"),
        publishing=PublishingOptions(dry_run=True),
        return_state=True,
    )
    outcome = state.result()
    assert outcome["changes"]["conversations"] == {"added": 10}
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(state.state_details.flow_run_id)
        mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
        (page,) = client.read_artifacts(artifact_filter=mine)
    assert run.name == "release v1.0.0 · 1 export"
    assert page.data.startswith("## v1.0.0 dry-run")
    assert "| conversations | 10 |" in page.data
