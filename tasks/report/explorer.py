"""The sample of scrubbed conversations that the report page carries, packed as data."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from schemas.fields import STAGES
from tasks.report.inputs import LabelNode, ReportInputs
from tasks.report.visible import show_controls

MAX_PACKED_BYTES = 2_000_000
MAX_TEXT_CHARACTERS = 20_000
_LENGTHS = (("1-2", "1 to 2 messages"), ("3-6", "3 to 6"), ("7-12", "7 to 12"), ("13-100000", "13 or more"))
_STAGE_NAMES = dict(zip(STAGES, ("Early", "Mid-early", "Mid-late", "Late"), strict=True))
_CUT = "\n[The explorer shows the first 20,000 characters; the data hold all.]"


@dataclass(frozen=True, slots=True)
class Explorer:
    """The packed sample: `packed` is base64 of gzip of JSON."""

    packed: str
    n_conversations: int
    n_available: int


def build_explorer(inputs: ReportInputs) -> Explorer:
    """Sample conversations evenly over topic domains and pack them.

    Conversations with a message flagged as sensitive stay out: the page travels further than the data.
    The choice depends on conversation ids alone, so the same release gives the same page.

    Args:
        inputs: tables `conversations`, `messages`, `thoughts` and `labels`, scrubbed.
    """
    wanted = inputs.settings.max_explorer_conversations
    tables = inputs.tables
    if wanted == 0 or any(t not in tables for t in ("conversations", "messages", "thoughts", "labels")):
        return Explorer("", 0, 0)
    flagged = tables["messages"].lazy().filter(pl.col("sensitive").list.len() > 0)
    conversations = tables["conversations"].lazy().select("conversation_id")
    eligible = conversations.join(flagged, on="conversation_id", how="anti").collect(engine="streaming")
    n_available = int(conversations.select(pl.len()).collect().item())
    topics = _labels_of(tables["labels"], "topic", eligible["conversation_id"])
    nodes = {node.id: node for node in inputs.taxonomies.get("topic", ())}
    ids = _spread(eligible["conversation_id"].to_list(), topics, nodes)[:wanted]
    while ids:
        packed = _pack(_document(ids, inputs, topics, nodes))
        if len(packed) <= MAX_PACKED_BYTES:
            return Explorer(packed, len(ids), n_available)
        ids = ids[: max(int(len(ids) * MAX_PACKED_BYTES / len(packed) * 0.95), 0)]
    return Explorer("", 0, n_available)


def _spread(ids: Sequence[str], topics: Mapping[str, list[str]], nodes: Mapping[str, LabelNode]) -> list[str]:
    """Order conversations so that every prefix is even over their first domain."""
    groups: dict[str, list[str]] = defaultdict(list)
    for i in sorted(ids, key=lambda i: hashlib.sha256(i.encode()).digest()):
        groups[next(iter(_domains(topics.get(i, ()), nodes)), "")].append(i)
    queues = [groups[name] for name in sorted(groups)]
    return [
        queue[turn]
        for turn in range(max(map(len, queues), default=0))
        for queue in queues
        if turn < len(queue)
    ]


def _domains(values: Iterable[str], nodes: Mapping[str, LabelNode]) -> list[str]:
    tops = ((nodes[v].parent or v) if v in nodes else v for v in values)
    return list(dict.fromkeys(tops))


def _domains_first(values: Iterable[str], nodes: Mapping[str, LabelNode]) -> list[str]:
    return sorted(values, key=lambda v: (v in nodes and nodes[v].parent is not None, v))


def _labels_of(labels: pl.DataFrame | pl.LazyFrame, facet: str, items: pl.Series) -> dict[str, list[str]]:
    wanted = (pl.col("facet") == facet) & pl.col("item_id").is_in(items.implode())
    found: dict[str, list[str]] = defaultdict(list)
    rows = labels.lazy().filter(wanted).select("item_id", "value").collect(engine="streaming")
    for item, value in rows.iter_rows():
        found[item].append(value)
    return found


def _rows_of(table: pl.DataFrame | pl.LazyFrame, conversation_ids: Sequence[str]) -> pl.DataFrame:
    chosen = pl.Series(conversation_ids, dtype=pl.String).implode()
    return table.lazy().filter(pl.col("conversation_id").is_in(chosen)).collect(engine="streaming")


def _document(
    ids: Sequence[str],
    inputs: ReportInputs,
    topics: Mapping[str, list[str]],
    nodes: Mapping[str, LabelNode],
) -> dict[str, Any]:
    tables = inputs.tables
    names = {
        facet: {node.id: show_controls(node.name) for node in inputs.taxonomies.get(facet, ())}
        for facet in ("reason", "reaction", "relationship", "topic")
    }
    said = _rows_of(tables["messages"], ids)
    thought = _rows_of(tables["thoughts"], ids)
    labels = {
        facet: _labels_of(tables["labels"], facet, thought["thought_id"]) for facet in ("reason", "reaction")
    }
    relationships = _labels_of(tables["labels"], "relationship", said["message_id"])
    thoughts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in thought.sort("thought_id").iter_rows(named=True):
        label = next(iter(labels[row["kind"]].get(row["thought_id"], ())), "")
        thoughts[row["message_id"]].append(
            {"kind": row["kind"], "label": label, "text": _text(row["content"])}
        )
    messages: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in said.sort("conversation_id", "position").iter_rows(named=True):
        messages[row["conversation_id"]].append(
            {
                "role": row["role"],
                "stage": row["stage"],
                "relationship": next(iter(relationships.get(row["message_id"], ())), ""),
                "text": _text(row["content"]),
                "thoughts": thoughts.get(row["message_id"], []),
            }
        )
    facts = {
        row["conversation_id"]: row for row in _rows_of(tables["conversations"], ids).iter_rows(named=True)
    }
    conversations = [
        {
            "id": show_controls(i),
            "model": show_controls(facts[i]["model_name"]),
            "summary": _text(facts[i]["task_summary"] or ""),
            "domains": _domains(topics.get(i, ()), nodes),
            "topics": [
                names["topic"].get(v, show_controls(v)) for v in _domains_first(topics.get(i, ()), nodes)
            ],
            "messages": messages.get(i, []),
        }
        for i in ids
    ]
    return {
        "conversations": conversations,
        "names": {**names, "stage": _STAGE_NAMES},
        "filters": _filters(conversations, names),
    }


def _filters(
    conversations: Sequence[Mapping[str, Any]], names: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    """The choices of each filter: only those that occur in the sample, in taxonomy order."""
    of_thoughts = {
        (t["kind"], t["label"])
        for c in conversations
        for m in c["messages"]
        for t in m["thoughts"]
        if t["label"]
    }
    of_messages = {("relationship", m["relationship"]) for c in conversations for m in c["messages"]}
    occurring = of_thoughts | of_messages
    headings = (("Reasons", "reason"), ("Reactions", "reaction"), ("Relationships", "relationship"))
    domains = {d for c in conversations for d in c["domains"]}
    return {
        "domain": sorted(
            ([d, names["topic"].get(d, show_controls(d))] for d in domains), key=lambda pair: pair[1]
        ),
        "model": [[m, m] for m in sorted({c["model"] for c in conversations})],
        "stage": [[value, text] for value, text in _STAGE_NAMES.items()],
        "length": [list(pair) for pair in _LENGTHS],
        "label": [
            [
                heading,
                [
                    [f"{facet}:{v}", names[facet].get(v, show_controls(v))]
                    for v in [
                        *names[facet],
                        *sorted({v for f, v in occurring if f == facet} - set(names[facet])),
                    ]
                    if v and (facet, v) in occurring
                ],
            ]
            for heading, facet in headings
        ],
    }


def _text(text: str) -> str:
    return show_controls(text if len(text) <= MAX_TEXT_CHARACTERS else text[:MAX_TEXT_CHARACTERS] + _CUT)


def _pack(document: Mapping[str, Any]) -> str:
    plain = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.b64encode(gzip.compress(plain, 9, mtime=0)).decode()
