"""`verify --audit-pii`: what is personal in a published release is counted and placed, never quoted."""

from __future__ import annotations

import json
import sys

import polars as pl
import pytest

from flows.cli import app as cli
from schemas.config import PrivacySettings
from tasks.scrub.audit_release import Finding, PiiAudit, _judge, audit_release
from tasks.storage.store import Store, open_store
from tests.publishing import SIDE_FILES, release
from tests.release_tables import make_tables

MAIL = "oda.brunsvik@post-nord.example.com"


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    store = open_store(str(tmp_path_factory.mktemp("audit")))
    release(store, "v1.0.0")
    tables = make_tables(range(8))
    first = tables["messages"]["message_id"][0]
    tables["messages"] = tables["messages"].with_columns(
        content=pl.when(pl.col("message_id") == first)
        .then(pl.lit(f"write to {MAIL} please"))
        .otherwise(pl.col("content"))
    )
    side_files = {**SIDE_FILES, "README.md": f"# card\n\nAsk {MAIL}\n".encode()}
    release(store, "v1.0.1", tables=tables, side_files=side_files)
    return store


def test_a_clean_release_passes_and_is_measured_again(store: Store) -> None:
    audit = audit_release(store, "v1.0.0", PrivacySettings())
    assert audit.is_clean
    assert audit.n_texts > 100
    assert audit.measures["canary"]["structured_recall"] == 1.0
    assert audit.measures["k"] >= 1


def test_a_leak_is_found_in_every_file_that_holds_it(store: Store) -> None:
    audit = audit_release(store, "v1.0.1", PrivacySettings())
    assert not audit.is_clean
    assert audit.counts == {"email": 3}
    message = make_tables(range(8))["messages"]["message_id"][0]
    places = {(f.file.split("/")[0], f.file.rpartition("/")[2], f.item_id, f.field) for f in audit.findings}
    shard = next(f.file for f in audit.findings if f.file.startswith("shards/"))
    assert places == {
        ("shards", shard.rpartition("/")[2], message, "content"),
        ("releases", "part-00000.parquet", message, "content"),
        ("releases", "README.md", "line 3", ""),
    }
    assert MAIL not in str(audit)


def test_the_command_exits_1_with_counts_and_places(store: Store, monkeypatch, capsys) -> None:
    cli.register_commands()
    for arguments in (["v1.0.1"], ["v1.0.1", "--json"]):
        monkeypatch.setattr(
            sys, "argv", ["thoughttrace", "verify", *arguments, "--audit-pii", "--store", store.uri]
        )
        assert cli.run(debug=False) == 1
        out, err = capsys.readouterr()
        assert "3 findings, first email in releases/v1.0.1/README.md, line 3" in err
        assert MAIL not in out + err
    document = json.loads(out)
    assert (document["ok"], document["pii"]["counts"]) == (False, {"email": 3})
    assert {f["kind"] for f in document["pii"]["findings"]} == {"email"}


@pytest.mark.parametrize(
    ("measures", "policy", "n_failed"),
    [
        ({"k_margin": -1, "canary": {}}, "strict", 1),
        ({"k_margin": -1, "canary": {}}, "as-published", 0),
        ({"k_margin": 0, "canary": {"structured_recall": 0.99, "structured_n": 9}}, "strict", 1),
        ({"k_margin": 0, "canary": {"names_recall_low": 0.5, "names_n": 300}}, "strict", 1),
        ({"k_margin": 0, "canary": {"names_recall_low": 0.5, "names_n": 10}}, "strict", 0),
    ],
)
def test_measures_are_held_to_the_limits_of_the_gate(measures, policy, n_failed) -> None:
    assert len(list(_judge(PiiAudit("v1.0.0", measures=measures), policy, ""))) == n_failed


def test_warnings_do_not_fail_an_audit() -> None:
    finding = Finding("f", "i", "content", "phone", is_critical=False)
    assert PiiAudit("v1.0.0", findings=[finding]).is_clean
