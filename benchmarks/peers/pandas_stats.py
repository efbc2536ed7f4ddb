"""The statistics as a pandas script: the same figures from the same Parquet files, by merge and groupby.

Written as one would write it at a desk: read the columns that are needed, join, group, count. Intervals
resample participants by `iloc` on a table of counts a participant, one resample after the other. Nothing is
held back, which is policy `as-published`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tasks.stats.tokens import find_tokenizer

STAGES = ["early", "mid_early", "mid_late", "late"]
QUANTILES = [0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0, 1]
ANSWERS = ["age_band", "gender", "education", "occupation_group", "ai_use_frequency", "purposes"]
NULLABLE = {
    "participants": ANSWERS,
    "conversations": ["model_provider", "task_summary", "task_expectation"],
    "messages": ["sensitive"],
    "labels": ["runner_up", "model_snapshot", "prompt_sha256", "confidence", "labelled_at"],
}
MAX_TOKENIZED = 10_000
Figures = dict[str, Any]


class Counter:
    """Figures of one folder of base tables.

    Args:
        folder: `<table>.parquet` for each base table.
        parents: subtopic to domain.
        resamples: draws of participants for each share; 0 for no intervals.
        seed: of the draws.
    """

    def __init__(self, folder: Path, parents: Mapping[str, str], resamples: int, seed: int = 1) -> None:
        self.folder, self.parents, self.resamples = folder, parents, resamples
        self.rng = np.random.default_rng(seed)
        self.figures: Figures = {}
        self.intervals: dict[str, pd.DataFrame] = {}

    def read(self, table: str, columns: list[str]) -> pd.DataFrame:
        """Read columns of one table."""
        return pd.read_parquet(self.folder / f"{table}.parquet", columns=columns)

    def run(self) -> Figures:
        """Count everything."""
        self.load()
        self.count_rows()
        self.count_topics()
        for kind in ("reason", "reaction"):
            self.count_thoughts(kind)
        self.count_relationships()
        self.count_texts()
        self.count_people()
        self.count_labels_and_nulls()
        return self.figures

    def load(self) -> None:
        """Read the tables and join what belongs to a message, a thought and a label."""
        conversations = self.read(
            "conversations", ["conversation_id", "participant_id", "model_name", "model_provider", "language"]
        )
        messages = self.read(
            "messages",
            [
                "message_id",
                "conversation_id",
                "position",
                "role",
                "stage",
                "language",
                "n_redactions",
                "content",
            ],
        )
        messages["n_chars"] = messages["content"].str.len()
        messages = messages.merge(conversations[["conversation_id", "participant_id"]], on="conversation_id")
        messages = messages.sort_values(["conversation_id", "position"])
        by_role = messages.groupby(["conversation_id", "role"])
        messages["turn"] = by_role.cumcount() + 1
        messages["n_role"] = by_role["message_id"].transform("size")
        thoughts = self.read("thoughts", ["thought_id", "message_id", "kind", "content", "n_redactions"])
        thoughts["n_chars"] = thoughts["content"].str.len()
        thoughts = thoughts.merge(
            messages[
                ["message_id", "conversation_id", "participant_id", "position", "turn", "stage", "n_role"]
            ],
            on="message_id",
        )
        conversations = conversations.merge(
            messages.groupby("conversation_id").size().rename("n"), on="conversation_id"
        )
        self.conversations, self.messages, self.thoughts = conversations, messages, thoughts
        self.labels = self.read("labels", ["item_id", "facet", "value"])

    def share(self, name: str, rows: pd.DataFrame, keys: list[str], base: list[str] | None = None) -> None:
        """Count rows by keys, with the interval of their share within the base keys."""
        self.figures[name] = rows.groupby(keys).size().to_dict()
        if self.resamples:
            table = rows.groupby(["participant_id", *keys]).size().unstack(keys, fill_value=0)
            draws = []
            for _ in range(self.resamples):
                drawn = table.iloc[self.rng.integers(len(table), size=len(table))].sum()
                draws.append(drawn / (drawn.groupby(level=base).transform("sum") if base else drawn.sum()))
            self.intervals[name] = pd.concat(draws, axis=1).quantile([0.025, 0.975], axis=1).T

    def count_rows(self) -> None:
        """Headline counts, models, lengths of conversations."""
        c, m, t = self.conversations, self.messages, self.thoughts
        self.figures["counts"] = {
            "conversations": len(c),
            "messages": len(m),
            "user_messages": int((m["role"] == "user").sum()),
            "reasons": int((t["kind"] == "reason").sum()),
            "reactions": int((t["kind"] == "reaction").sum()),
            "models": c["model_name"].nunique(),
        }
        kinds = t.groupby(["conversation_id", "kind"]).size().unstack(fill_value=0)
        users = m[m["role"] == "user"].groupby("conversation_id").size().rename("n_user")
        whole = c.merge(kinds, on="conversation_id", how="left").merge(
            users, on="conversation_id", how="left"
        )
        self.figures["models"] = (
            whole.groupby("model_name")
            .agg(
                n_participants=("participant_id", "nunique"),
                n_conversations=("n", "size"),
                n_messages=("n", "sum"),
                n_user_messages=("n_user", "sum"),
                n_reasons=("reason", "sum"),
                n_reactions=("reaction", "sum"),
                median_messages=("n", "median"),
            )
            .to_dict("index")
        )
        self.figures["lengths"] = c["n"].clip(upper=30).value_counts().to_dict()
        self.figures["length_quantiles"] = c["n"].quantile(QUANTILES).tolist()
        if self.resamples:
            groups = c.groupby("participant_id")["n"].apply(list)
            draws = [
                np.median(
                    np.concatenate(groups.iloc[self.rng.integers(len(groups), size=len(groups))].to_numpy())
                )
                for _ in range(self.resamples)
            ]
            self.figures["median_interval"] = np.quantile(draws, [0.025, 0.975]).tolist()
        self.figures["languages"] = c.groupby("language").size().to_dict()
        self.figures["languages_of_messages"] = m.groupby("language").size().to_dict()
        m["has_redaction"] = m["n_redactions"] > 0
        self.share("redacted", m, ["has_redaction"])

    def count_topics(self) -> None:
        """Domains and subtopics."""
        topics = self.labels[self.labels["facet"] == "topic"].merge(
            self.conversations[["conversation_id", "participant_id"]],
            left_on="item_id",
            right_on="conversation_id",
        )
        domains = topics.assign(value=topics["value"].map(self.parents).fillna(topics["value"]))
        self.domains = domains[["conversation_id", "participant_id", "value"]].drop_duplicates()
        self.share("domains", self.domains, ["value"])
        self.share("subtopics", topics[topics["value"].isin(list(self.parents))], ["value"])

    def count_thoughts(self, kind: str) -> None:
        """Labels of one kind of thought: alone, by stage, domain and length, from stage to stage."""
        rows = self.labels[self.labels["facet"] == kind].merge(
            self.thoughts, left_on="item_id", right_on="thought_id"
        )
        self.share(f"{kind}.labels", rows, ["value"])
        staged = rows[rows["n_role"] >= 2]
        self.share(f"{kind}.by_stage", staged, ["stage", "value"], ["stage"])
        by_domain = rows.merge(
            self.domains[["conversation_id", "value"]].rename(columns={"value": "domain"}),
            on="conversation_id",
        )
        self.share(f"{kind}.by_domain", by_domain, ["domain", "value"], ["domain"])
        sized = rows.merge(self.conversations[["conversation_id", "n"]], on="conversation_id")
        sized["length"] = pd.cut(
            sized["n"], [0, 4, 8, 14, 10**9], labels=["2-4", "6-8", "10-14", "16+"]
        ).astype(str)
        self.share(f"{kind}.by_length", sized, ["length", "value"], ["length"])
        long = rows[rows["n_role"] >= 4].merge(pd.DataFrame({"k": range(4)}), how="cross")
        last = long["n_role"] - 1
        long["distance"] = (3 * (long["turn"] - 1) - long["k"] * last).abs()
        nearest = (
            long[2 * long["distance"] <= last]
            .sort_values(["distance", "turn", "thought_id", "value"])
            .drop_duplicates(["conversation_id", "k"])[["conversation_id", "k", "value"]]
        )
        following = nearest.assign(k=nearest["k"] - 1).rename(columns={"value": "to"})
        pairs = nearest.merge(following, on=["conversation_id", "k"])
        self.figures[f"{kind}.stage_flow"] = pairs.groupby(["k", "value", "to"]).size().to_dict()
        role = "user" if kind == "reason" else "assistant"
        mine = self.messages[self.messages["role"] == role]
        n = mine["message_id"].map(self.thoughts.groupby("message_id").size()).fillna(0).clip(upper=3)
        self.figures[f"{kind}.per_message"] = n.astype(int).value_counts().to_dict()
        self.share(f"{kind}.with", mine.assign(has=n > 0), ["has"])

    def count_relationships(self) -> None:
        """Shares with and without first requests, by turn, and from turn to turn."""
        rows = self.labels[self.labels["facet"] == "relationship"].merge(
            self.messages[["message_id", "conversation_id", "participant_id", "turn"]],
            left_on="item_id",
            right_on="message_id",
        )
        self.share("relationship.with_first", rows, ["value"])
        self.share("relationship.without_first", rows[rows["value"] != "first_request"], ["value"])
        rows["group"] = rows["turn"].clip(upper=9)
        self.share("relationship.by_turn", rows, ["group", "value"], ["group"])
        ends = (
            self.messages[self.messages["role"] == "user"]
            .groupby("conversation_id")["turn"]
            .max()
            .rename("last")
        )
        rows = rows.merge(ends, on="conversation_id").sort_values(["conversation_id", "turn"])
        following = rows.groupby("conversation_id")[["turn", "value"]].shift(-1)
        to = following["value"].where(following["turn"] == rows["turn"] + 1)
        rows["to"] = to.mask(rows["turn"] == rows["last"], "(end)")
        pairs = rows.dropna(subset=["to"])
        self.figures["transitions"] = pairs.groupby(["value", "to"]).size().to_dict()
        first = pairs[pairs["turn"] < 4]
        self.figures["turn_flow"] = first.groupby(["turn", "value", "to"]).size().to_dict()

    def count_texts(self) -> None:
        """Lengths of texts in characters and tokens."""
        tokenizer = find_tokenizer()
        place = ["conversation_id", "position"]
        for name, frame, column, value, order in (
            ("user_message", self.messages, "role", "user", place),
            ("assistant_message", self.messages, "role", "assistant", place),
            ("reason", self.thoughts, "kind", "reason", [*place, "thought_id"]),
            ("reaction", self.thoughts, "kind", "reaction", [*place, "thought_id"]),
        ):
            texts = frame[frame[column] == value]
            self.figures[f"{name}.characters"] = texts["n_chars"].quantile(QUANTILES).tolist()
            classes = np.ceil(np.log2(texts["n_chars"].to_numpy() + 1)).astype(int)
            self.figures[f"{name}.bins"] = pd.Series(classes).value_counts().to_dict()
            if tokenizer is not None:
                if len(texts) > MAX_TOKENIZED:
                    texts = texts.sort_values(order).iloc[:: -(-len(texts) // MAX_TOKENIZED)]
                n = pd.Series([len(tokenizer.encode_ordinary(text)) for text in texts["content"]])
                self.figures[f"{name}.tokens"] = n.quantile(QUANTILES).tolist()

    def count_people(self) -> None:
        """Answers of the survey."""
        people = self.read("participants", ["participant_id", *ANSWERS])
        self.figures["counts"]["participants"] = len(people)
        for attribute in ANSWERS:
            answers = people[attribute].explode() if attribute == "purposes" else people[attribute]
            self.figures[f"demographics.{attribute}"] = answers.value_counts().to_dict()

    def count_labels_and_nulls(self) -> None:
        """Where labels come from, and how much of each nullable column is empty."""
        keys = ["facet", "source", "via", "labeller", "model_snapshot", "taxonomy_version"]
        rows = self.read("labels", [*keys, "confidence"])
        found = rows.groupby(keys, dropna=False)["confidence"].agg(["size", "mean"])
        self.figures["provenance"] = {k[:4]: int(n) for k, n in found["size"].to_dict().items()}
        for table, columns in NULLABLE.items():
            frame = self.read(table, columns)
            for column in frame:
                values = frame[column]
                empty = (
                    values.str.len().fillna(0) == 0 if column in {"purposes", "sensitive"} else values.isna()
                )
                self.figures[f"null.{table}.{column}"] = int(empty.sum())
