"""Samples go to the stage on their stack, and to the innermost module of the project."""

from __future__ import annotations

from benchmarks.stage_profile import count_samples, render_plot, render_table

STACKS = [
    'process 7:"x";main (flows/cli/app.py:1);write_clean_shard (tasks/scrub/shard.py:66);_apply (tasks/scrub/ner_encoder.py:19) 30',
    "write_clean_shard (tasks/scrub/shard.py:66);tag (tasks/scrub/ner.py:3);__call__ (spacy/language.py:9) 10",
    "tag_shard (tasks/tag/task.py:5);embed (tasks/tag/embedding.py:102);run (onnxruntime/capi/x.py:395) 50",
    "Thread (threading.py:1);wait (threading.py:2) 99",
]


def test_samples_are_counted_by_stage_and_work() -> None:
    assert count_samples(STACKS) == {
        "scrubbing": {"tasks/scrub/ner_encoder": 30, "tasks/scrub/ner (spacy)": 10},
        "tagging": {"tasks/tag/embedding (onnxruntime)": 50},
    }


def test_the_largest_stage_comes_first() -> None:
    found = count_samples(STACKS)
    assert render_table(found, 1).splitlines()[2:] == [
        "| tagging | 0.5 | 100% `tasks/tag/embedding (onnxruntime)` |"
    ]
    assert "75% tasks/scrub/ner_encoder" in render_plot(found)
