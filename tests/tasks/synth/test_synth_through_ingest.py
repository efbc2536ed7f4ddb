"""Every planted fault is found by reading and validating, and nothing else is."""

import polars as pl
import pytest

from schemas.config import IngestSettings
from tasks.ingest.reader import ExportReader
from tasks.storage.inputs import list_inputs, open_input
from tasks.synth.export import generate, write_export
from tasks.validate.staged import validate_staged


@pytest.mark.parametrize("dialect", ["published", "flat-study", "session"])
def test_planted_faults_are_the_faults_found(dialect, tmp_path):
    export = generate(1400, 3, dialect, short=True, bad_share=0.05, oddity_share=0.01)
    path = tmp_path / "export.jsonl"
    write_export(export, path)
    bad = export.truth().bad
    reader = ExportReader(
        list_inputs([str(path)]), IngestSettings(max_quarantined_share=1), open_input=open_input
    )
    checked = [validate_staged(s.conversations, s.messages, s.thoughts) for s in reader]
    found = pl.concat([reader.quarantine, *(c.quarantine for c in checked)])
    planted = bad.filter(pl.col("expected") == "quarantine")
    assert bad["kind"].n_unique() == 34
    assert set(found["line"]) == set(planted["line"])
    assert reader.counted["label.unknown"] == bad.filter(pl.col("expected") == "relabel").height
    # a copy follows its original; a session holds several conversations
    originals = bad.filter(pl.col("expected") == "drop")["line"] - 1
    told = export.truth().conversations
    assert reader.n_duplicates == told.filter(pl.col("line").is_in(originals.to_list())).height > 0
    kept = pl.concat([c.conversations for c in checked])
    assert set(told["conversation_id"]) <= set(kept["source_id"])
    ages = kept.filter(pl.col("line").is_in(bad.filter(pl.col("kind") == "impossible_age")["line"].to_list()))
    assert ages["survey_age"].null_count() == ages.height
