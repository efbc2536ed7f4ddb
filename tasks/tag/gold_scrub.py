"""Gold from raw exports is scrubbed before it is kept: no raw text stays in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tasks.scrub.conversation import Turn, decide_conversation
from tasks.scrub.detect import Detector
from tasks.scrub.policy import Thresholds
from tasks.tag.items import Gold

# uncertain spans are masked too: a word too many costs the tagger nothing
_THRESHOLDS = Thresholds(mask=0.3, review=0.3)


def scrub_gold(gold: Sequence[Gold], detector: Detector) -> list[Gold]:
    """Return the labels with text and context scrubbed, conversation by conversation, in order."""
    by_group: dict[str, list[int]] = {}
    for index, example in enumerate(gold):
        by_group.setdefault(example.item.group, []).append(index)
    scrubbed: dict[int, Gold] = {}
    for indices in by_group.values():
        turns = [
            Turn(f"{index}-{part}", text, is_assistant=part == "context" and gold[index].facet == "reaction")
            for index in indices
            for part, text in (("text", gold[index].item.text), ("context", gold[index].item.context))
        ]
        found = detector.detect([t.text for t in turns])
        decisions = decide_conversation(turns, found, detector.detect, _THRESHOLDS)
        redacted = {t.item_id: d.redacted for t, d in zip(turns, decisions, strict=True)}
        for index in indices:
            item = gold[index].item
            clean = replace(item, text=redacted[f"{index}-text"], context=redacted[f"{index}-context"])
            scrubbed[index] = replace(gold[index], item=clean)
    return [scrubbed[i] for i in range(len(gold))]
