from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from schemas.config import StatsSettings
from schemas.errors import InputError
from tasks.stats.comparison import list_comparison, load_published, read_comparison, scan_comparison
from tasks.stats.compute import compute_stats
from tasks.stats.tokens import count_tokens, find_tokenizer


def chat(n: int, **more: object) -> list[dict[str, object]]:
    return [{"role": ("user", "assistant")[i % 2], "content": "Good day.", **more} for i in range(n)]


def moderation(n: int) -> list[dict[str, object]]:
    """What both corpora carry a message: verdicts and scores by category, nested."""
    scores = {"harassment": 0.01, "self-harm/intent": 0.0}
    return [
        {"flagged": False, "categories": dict.fromkeys(scores, False), "category_scores": scores}
        for _ in range(n)
    ]


def wildchat() -> pl.DataFrame:
    header = {"accept-language": "en", "user-agent": "none"}
    more = {"country": "XX", "hashed_ip": "0", "header": header, "toxic": False, "turn_identifier": 1}
    return pl.DataFrame(
        {
            "conversation_hash": ["a", "b", "c", "d"],
            "model": ["m"] * 4,
            "timestamp": [datetime(2026, 1, 1, tzinfo=UTC)] * 4,
            "conversation": [chat(n, **more) for n in (2, 2, 6, 0)],
            "openai_moderation": [moderation(n) for n in (2, 2, 6, 0)],
            "detoxify_moderation": [[{"toxicity": 0.001}]] * 4,
            "toxic": [False] * 4,
            "redacted": [False] * 4,
            "turn": [1, 1, 3, 0],
            "language": ["English"] * 4,
        }
    )


def lmsys() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "conversation_id": ["a", "b"],
            "model": ["m", "m"],
            "conversation": [chat(2), chat(40)],
            "turn": [1, 20],
            "language": ["English", "German"],
            "openai_moderation": [moderation(2), moderation(40)],
            "redacted": [False, False],
        }
    )


@pytest.mark.parametrize(
    ("frame", "corpus", "lengths"), [(wildchat(), "WildChat", [2, 2, 6]), (lmsys(), "LMSYS-Chat-1M", [2, 40])]
)
def test_both_schemas_are_read(frame, corpus, lengths, tmp_path) -> None:
    frame.write_parquet(tmp_path / "part-0.parquet")
    for place in (tmp_path / "part-0.parquet", tmp_path, tmp_path / "*.parquet"):
        found = scan_comparison(str(place))
        assert found.corpus == corpus
        assert sorted(found.n_messages.to_list()) == lengths


def test_another_corpus_under_the_same_name_is_seen(tmp_path) -> None:
    lmsys().write_parquet(tmp_path / "x.parquet")
    places = [str(tmp_path), str(tmp_path / "x.parquet"), str(tmp_path / "*.parquet")]
    before = [list_comparison(place) for place in places]
    assert [[name for name, _, _ in files] for files in before] == [["x.parquet"]] * 3
    wildchat().write_parquet(tmp_path / "x.parquet")
    assert all(list_comparison(place) != files for place, files in zip(places, before, strict=True))
    assert list_comparison("") == []


def test_the_corpus_stands_beside_the_release(invent, taxonomies, tmp_path) -> None:
    lmsys().write_parquet(tmp_path / "x.parquet")
    document = compute_stats(
        invent(6, 1),
        taxonomies=taxonomies,
        settings=StatsSettings(resamples=100, compare_to=str(tmp_path / "x.parquet")),
        min_cell=10,
        policy="strict",
    ).document
    compared = document["conversation_length"]["compared"]
    assert compared["corpus"] == "LMSYS-Chat-1M"
    assert compared["spread"]["median"] == 21
    assert [(b["n_messages"], b["is_or_more"], b["n"]) for b in compared["histogram"]] == [
        (2, False, 1),
        (30, True, 1),
    ]


def test_other_files_are_refused_with_what_was_found(tmp_path) -> None:
    with pytest.raises(InputError, match=r"WildChat or LMSYS-Chat-1M.*found text, label"):
        read_comparison(pl.LazyFrame({"text": ["a"], "label": ["b"]}))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(InputError, match=r"stats\.compare_to: cannot read"):
        scan_comparison(str(tmp_path / "bad.parquet"))
    with pytest.raises(InputError, match=r"stats\.compare_to: cannot read"):
        scan_comparison(str(tmp_path / "gone.parquet"))


def test_published_figures_name_their_source() -> None:
    published = {row.corpus: row for row in load_published()}
    assert published["WildChat"].median_messages == published["LMSYS-Chat-1M"].median_messages == 2
    assert all("arXiv" in row.source for row in published.values())


def test_tokens_are_those_of_the_named_tokenizer() -> None:
    assert find_tokenizer().name == "cl100k_base"
    assert find_tokenizer().encode_ordinary("hello world") == [15339, 1917]
    # special tokens are text like any other; long runs and other scripts cost no more than they should
    texts = ["", "<|endoftext|>", "a" * 200_000, "漢字" * 5_000, "\ud7ff🙂\n\n\t "]
    counts = count_tokens(texts)
    assert counts[0] == 0
    assert counts[1] > 1
    assert all(n > 0 for n in counts[1:])


def test_without_the_merge_table_there_are_no_token_counts(monkeypatch, invent, taxonomies) -> None:
    find_tokenizer.cache_clear()
    monkeypatch.setattr("tasks.stats.tokens._SHA256", "0" * 64)
    try:
        assert count_tokens(["a"]) is None
        document = compute_stats(
            invent(6, 1),
            taxonomies=taxonomies,
            settings=StatsSettings(resamples=100),
            min_cell=10,
            policy="as-published",
        ).document
    finally:
        find_tokenizer.cache_clear()
    assert document["method"]["tokenizer"] == ""
    assert {row["unit"] for row in document["text_lengths"]} == {"characters"}
