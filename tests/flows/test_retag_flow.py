"""A re-tag from the flow: new labels and views, the same text and the same shards."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
import yaml

from tasks.synth.export import generate, write_export
from tests.taxonomy_files import GONE, merged_reactions


@pytest.fixture(scope="module")
def releases(prefect_server, tmp_path_factory) -> tuple[Path, dict, dict]:
    from flows.release import release
    from flows.retag import retag

    folder = tmp_path_factory.mktemp("retag")
    write_export(generate(40, 5, "published", short=True), folder / "export.jsonl")
    store = folder / "store"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("THOUGHTTRACE_ID_KEY", "k" * 40)
        first = release(
            exports=[str(folder / "export.jsonl")],
            store=str(store),
            tagging={"model": "none"},
            approval="none",
        )
        second = retag(
            version="latest",
            taxonomies=[str(merged_reactions(folder / "reaction.yaml"))],
            store=str(store),
            tagging={"model": "none"},
            approval="none",
        )
    return store, first, second


def reactions(store: Path, version: str) -> dict[str, int]:
    labels = pl.read_parquet(store / "releases" / version / "labels" / "*.parquet")
    counted = labels.filter(pl.col("facet") == "reaction").group_by("value").len()
    return dict(counted.iter_rows())


def test_a_merge_maps_the_labels_and_makes_a_minor_version(releases) -> None:
    store, first, second = releases
    assert (first["version"], second["version"]) == ("v1.0.0", "v1.1.0")
    before, after = reactions(store, "v1.0.0"), reactions(store, "v1.1.0")
    assert after["noted"] == sum(before.pop(value) for value in GONE)
    assert {k: v for k, v in after.items() if k != "noted"} == before
    labels = pl.read_parquet(store / "releases/v1.1.0/labels/*.parquet").filter(pl.col("facet") == "reaction")
    assert set(labels["taxonomy_version"]) == {"v2"}
    assert set(labels.filter(pl.col("value") == "noted")["via"]) == {"mapped"}


def test_the_text_and_its_shards_stay(releases) -> None:
    store, _, _ = releases
    manifests = [
        json.loads((store / f"releases/{v}/manifest.json").read_text()) for v in ("v1.0.0", "v1.1.0")
    ]
    for table in ("participants", "conversations", "messages", "thoughts"):
        old, new = ([f["path"] for f in m["tables"][table]["files"]] for m in manifests)
        assert old == new


def test_the_release_carries_its_taxonomy(releases) -> None:
    from tasks.storage.store import open_store
    from tasks.tag.chosen import choose_taxonomies

    store, _, _ = releases
    assert choose_taxonomies(open_store(str(store)))["reaction"].version == "v2"


def test_the_changes_show_where_labels_went(releases) -> None:
    store, _, _ = releases
    changes = pl.read_parquet(store / "releases/v1.1.0/changes/*.parquet")
    flows = changes.filter(pl.col("scope") == "labels.reaction", pl.col("to_value") == "noted")
    assert set(flows["from_value"]) == set(GONE)


def test_the_commands_plan_and_try_a_retag_and_change_nothing(releases, monkeypatch, capsys) -> None:
    from flows.cli import app as cli

    store, _, _ = releases
    files = sorted((p, p.stat().st_mtime_ns) for p in (store / "releases").rglob("*") if p.is_file())
    document = yaml.safe_load((store.parent / "reaction.yaml").read_text())
    document |= {"version": "v3", "based_on": "v2", "changes": [{"kind": "rename", "to": ["noted"]}]}
    document["nodes"][0]["name"] = "Taken note of"
    taxonomy = store.parent / "reaction-v3.yaml"
    taxonomy.write_text(yaml.safe_dump(document))
    monkeypatch.setenv("THOUGHTTRACE_ID_KEY", "k" * 40)
    cli.register_commands()

    def ask(*arguments: str) -> dict:
        given = [*arguments, "--taxonomy", str(taxonomy), "--model", "none", "--store", str(store), "--json"]
        monkeypatch.setattr("sys.argv", ["thoughttrace", *given])
        code = cli.run(debug=False)
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return json.loads(captured.out)

    plan = ask("plan-retag", "latest")
    assert plan["version"] == "v1.1.0"
    assert [(c["kind"], c["n_questions"], c["n_calls"]) for c in plan["changes"]] == [("rename", 0, 0)]
    assert plan["estimate"]["calls"] == 0
    assert ask("retag", "latest", "--dry-run")["tagging_plan"]["calls"] == 0
    assert sorted((p, p.stat().st_mtime_ns) for p in (store / "releases").rglob("*") if p.is_file()) == files


def test_the_release_verifies(releases) -> None:
    from tasks.publish.verify import verify_release
    from tasks.storage.store import open_store

    store, _, _ = releases
    verify_release(open_store(str(store)), "v1.1.0")


def test_a_staged_retag_is_approved_under_another_version(releases, monkeypatch, capsys) -> None:
    import getpass

    from flows.cli import app as cli
    from flows.retag import retag
    from tasks.publish.candidate import list_candidates
    from tasks.publish.releases import load_release
    from tasks.storage.store import open_store

    store, _, _ = releases
    document = yaml.safe_load((store.parent / "reaction.yaml").read_text())
    change = {"kind": "merge", "from": ["noted"], "to": ["noticed"]}
    document |= {"version": "v3", "based_on": "v2", "changes": [change]}
    document["nodes"][0]["id"] = "noticed"
    (store.parent / "renamed.yaml").write_text(yaml.safe_dump(document))
    monkeypatch.setenv("THOUGHTTRACE_ID_KEY", "k" * 40)
    staged = retag(
        version="latest",
        taxonomies=[str(store.parent / "renamed.yaml")],
        store=str(store),
        tagging={"model": "none"},
        approval="stage",
    )
    cli.register_commands()

    def approve(*arguments: str) -> tuple[int, str, str]:
        given = ["approve", staged["candidate_id"], "--store", str(store), "--json", *arguments]
        monkeypatch.setattr("sys.argv", ["thoughttrace", *given])
        return cli.run(debug=False), *capsys.readouterr()

    code, _, errors = approve("--set-version", "v1.0.5")
    assert code == 2, "a version that goes backwards"
    code, out, errors = approve("--set-version", "v2.0.0")
    assert code == 0, errors
    assert json.loads(out)["version"] == "v2.0.0"
    assert all(json.loads(line)["event"] for line in errors.splitlines()), "only events beside the result"
    manifest = load_release(open_store(str(store)), "v2.0.0")[0].manifest
    assert (manifest.approved_by, manifest.info.taxonomies["reaction"].version) == (getpass.getuser(), "v3")
    assert list_candidates(open_store(f"{store}/private")) == []
