"""Scrubs the texts of a shard: frames in, frames out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from schemas.config import PrivacySettings
from schemas.errors import KeyMissingError
from schemas.fields import SCRUB_AUDIT, SCRUB_DENY, SCRUB_REVIEW
from tasks.scrub.conversation import Decision, Rule, Turn, decide_conversations, no_rule
from tasks.scrub.deny import DenyList
from tasks.scrub.detect import Detector
from tasks.scrub.engine import build_detector, engine_version
from tasks.scrub.language import Language, detect_language
from tasks.scrub.memo import Found, SpanMemo
from tasks.scrub.policy import Thresholds
from tasks.scrub.sensitive import VERSION as SENSITIVE_VERSION
from tasks.scrub.sensitive import flag_sensitive
from tasks.scrub.spans import SPAN_TYPES, Span, merge_overlapping
from tasks.scrub.surfaces import surface_hmac

MIN_KEY_BYTES = 16
UNJUDGED = "UNJUDGED"
"""Type of a review row that stands for a whole text in a language that the name models cannot read."""
_KIND_ORDER = {"message": 0, "reason": 1, "reaction": 2, "summary": 3, "survey": 4}
_LAST = 1 << 30
_TEXTS_SCHEMA = pl.Schema(
    {
        "item_id": pl.String(),
        "text": pl.String(),
        "n_redactions": pl.Int32(),
        "language": pl.String(),
        "sensitive": pl.List(pl.String()),
    }
)


@dataclass(frozen=True, slots=True)
class ScrubResult:
    """What scrubbing a shard gives.

    Attributes:
        texts: item_id, text, n_redactions (int32), language (ISO 639-1 or `und`), sensitive (list of
            string); one row an item, in the order of the items.
        audit: schema `scrub_audit`: every span that was masked.
        review: schema `scrub_review`: what a person should look at.
        dropped: ids of conversations that the policy drops, in order.
    """

    texts: pl.DataFrame
    audit: pl.DataFrame
    review: pl.DataFrame
    dropped: tuple[str, ...]

    @property
    def n_undecided(self) -> int:
        """Review rows that block a run."""
        return int((self.review["status"] == "undecided").sum())


class Scrubber:
    """The scrubber of one process; loading it costs about a second, calls share its caches."""

    def __init__(
        self,
        settings: PrivacySettings,
        policy: Literal["strict", "as-published"],
        audit_key: bytes,
        *,
        decisions: Mapping[str, str] | None = None,
        deny: DenyList | None = None,
        detector: Detector | None = None,
    ) -> None:
        """Load the models and compile the recognisers.

        Args:
            settings: thresholds, lists and operators.
            policy: `strict` or `as-published`, resolved.
            audit_key: key of the surface digests, at least 16 bytes.
            decisions: surface digest to `mask` or `keep`, from reviews.
            deny: what is always masked.
            detector: a detector built before.

        Raises:
            KeyMissingError: the audit key is too short.
            ConfigError: a model is missing or altered, or a setting names an unknown kind.
        """
        if len(audit_key) < MIN_KEY_BYTES:
            raise KeyMissingError(f"the audit key needs at least {MIN_KEY_BYTES} bytes")
        self._settings = settings
        self._key = audit_key
        self._decisions = dict(decisions or {})
        self._allow = frozenset(" ".join(a.casefold().split()) for a in settings.allow)
        self._deny = deny or DenyList(audit_key, SCRUB_DENY.empty())
        self._unnumbered = frozenset(t for t in SPAN_TYPES if settings.operators.of(t) == "mask")
        self._detector = detector or build_detector(settings)
        masks_uncertain = settings.review == "mask" or (
            settings.review == "auto" and policy == "as-published"
        )
        self._status = "masked" if masks_uncertain else "undecided"
        self._thresholds = Thresholds(
            mask=settings.review_score if masks_uncertain else settings.mask_score,
            review=settings.review_score,
        )
        self._rule: Rule = self._standing_rule if self._allow or self._decisions else no_rule
        self.engine = engine_version(self._detector)
        self.version = self._fingerprint(policy)

    def _fingerprint(self, policy: str) -> str:
        decided = "\n".join(f"{k}={v}" for k, v in sorted(self._decisions.items()))
        lists = "\n".join(sorted(self._allow))
        parts = (
            policy,
            self._status,
            repr(self._thresholds),
            decided,
            lists,
            self._deny.version,
            repr(self._settings.operators),
            repr(self._settings.drop_sensitive),
            f"sensitive {SENSITIVE_VERSION}",
        )
        digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
        return f"{self.engine}-{digest}"

    def scrub(self, items: pl.DataFrame, memo: SpanMemo | None = None) -> ScrubResult:
        """Scrub whole conversations.

        Args:
            items: item_id, conversation_id, field, role (nullable), kind, position (int32, nullable), text;
                all items of a conversation in one call.
            memo: what this engine found in texts before; is added to.

        Returns:
            Row law: `texts` has one row for each item.
        """
        rows = items.select(
            "item_id", "conversation_id", "field", "role", "kind", "position", "text"
        ).to_dicts()
        known = self._read((row["text"] for row in rows), memo)
        texts: dict[str, dict[str, Any]] = {}
        audit: list[dict[str, Any]] = []
        review: list[dict[str, Any]] = []
        dropped: list[str] = []
        grouped = list(_by_conversation(rows))
        conversations: list[tuple[list[Turn], list[list[Span]]]] = []
        for _, members in grouped:
            turns = [
                Turn(
                    r["item_id"],
                    r["text"],
                    r["role"] == "assistant" and r["kind"] == "message",
                    tuple(merge_overlapping(self._deny.find(r["text"], r["conversation_id"]))),
                )
                for r in members
            ]
            found = [known[turn.text].spans for turn in turns]
            conversations.append((turns, found))

        def read_again(redacted: Sequence[str]) -> list[list[Span]]:
            found = self._read_redacted(redacted, memo)
            return [found[text].spans for text in redacted]

        decided = decide_conversations(
            conversations, read_again, self._thresholds, self._rule, self._unnumbered
        )
        for (conversation_id, members), decisions in zip(grouped, decided, strict=True):
            flags: set[str] = set()
            of_conversation: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
            for row, decision in zip(members, decisions, strict=True):
                language, sensitive = known[row["text"]].language, list(known[row["text"]].sensitive)
                flags.update(sensitive)
                decision = self._judge_language(row, decision, language, of_conversation[1])
                texts[row["item_id"]] = {
                    "item_id": row["item_id"],
                    "text": decision.redacted,
                    "n_redactions": len(decision.masks),
                    "language": language.code,
                    "sensitive": sensitive,
                }
                self._record(row, decision, *of_conversation)
            if flags & set(self._settings.drop_sensitive) or self._drops(of_conversation[0]):
                dropped.append(conversation_id)
                audit.extend(row | {"action": "drop"} for row in of_conversation[0])
                continue
            audit.extend(of_conversation[0])
            review.extend(of_conversation[1])
        return ScrubResult(
            pl.DataFrame([texts[row["item_id"]] for row in rows], schema=_TEXTS_SCHEMA),
            pl.DataFrame(audit, schema=SCRUB_AUDIT.polars_schema()),
            pl.DataFrame(review, schema=SCRUB_REVIEW.polars_schema()),
            tuple(sorted(dropped)),
        )

    def _read(self, texts: Iterable[str], memo: SpanMemo | None) -> dict[str, Found]:
        """Read each distinct text, from the memo where it was read before."""
        distinct = list(dict.fromkeys(texts))
        known = memo.look_up(distinct) if memo is not None else {}
        unread = [text for text in distinct if text not in known]
        fresh = {
            text: Found(spans, detect_language(text), tuple(flag_sensitive(text)))
            for text, spans in zip(unread, self._detector.detect(unread), strict=True)
        }
        if memo is not None:
            memo.remember(fresh)
        return {**known, **fresh}

    def _read_redacted(self, texts: Iterable[str], memo: SpanMemo | None) -> dict[str, Found]:
        """Find what stands in redacted texts; language and content were judged before."""
        distinct = list(dict.fromkeys(texts))
        known = memo.look_up(distinct, "redacted") if memo is not None else {}
        unread = [text for text in distinct if text not in known]
        fresh = {
            text: Found(spans) for text, spans in zip(unread, self._detector.detect(unread), strict=True)
        }
        if memo is not None:
            memo.remember(fresh, "redacted")
        return {**known, **fresh}

    def _drops(self, audit: Iterable[Mapping[str, Any]]) -> bool:
        """Whether a masked span takes its whole conversation with it; an uncertain one does not."""
        return any(
            row["score"] >= self._settings.mask_score and self._settings.operators.of(row["type"]) == "drop"
            for row in audit
        )

    def _judge_language(
        self, row: Mapping[str, Any], decision: Decision, language: Language, review: list[dict[str, Any]]
    ) -> Decision:
        """Send a text that the name models cannot read to review; a standing decision may mask it whole."""
        if language.is_judged:
            return decision
        text = row["text"]
        digest = surface_hmac(self._key, UNJUDGED, text)
        decided = self._decisions.get(digest)
        if decided == "mask":
            return Decision([Span(0, len(text), "OTHER", 1.0, "review")], ["<OTHER>"], [], "<OTHER>")
        if decided is None:
            review.append(
                {
                    **_place(row),
                    "start": 0,
                    "end": len(text),
                    "type": UNJUDGED,
                    "recognizer": f"language:{language.code}",
                    "score": 0.0,
                    "status": "undecided" if self._status == "undecided" else "unjudged",
                    "surface_hmac": digest,
                }
            )
        return decision

    def _record(
        self,
        row: Mapping[str, Any],
        decision: Decision,
        audit: list[dict[str, Any]],
        review: list[dict[str, Any]],
    ) -> None:
        for span, label in zip(decision.masks, decision.labels, strict=True):
            surface = row["text"][span.start : span.end]
            digest = surface_hmac(self._key, span.type, surface)
            audit.append(
                {
                    **_place(row),
                    **_measures(span),
                    "recognizer_version": self._detector.versions.get(span.recognizer, "1"),
                    "action": "mask" if span.type in self._unnumbered else "replace",
                    "replacement": label,
                    "surface_hmac": digest,
                }
            )
            if span.score < self._settings.mask_score:
                review.append({**_place(row), **_measures(span), "status": "masked", "surface_hmac": digest})
        for span in decision.undecided:
            digest = surface_hmac(self._key, span.type, row["text"][span.start : span.end])
            review.append({**_place(row), **_measures(span), "status": self._status, "surface_hmac": digest})

    def _standing_rule(self, surface: str, kind: str) -> str | None:
        if " ".join(surface.casefold().split()) in self._allow:
            return "keep"
        return self._decisions.get(surface_hmac(self._key, kind, surface)) if self._decisions else None


def _place(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("item_id", "conversation_id", "field")}


def _measures(span: Span) -> dict[str, Any]:
    return {
        "start": span.start,
        "end": span.end,
        "type": span.type,
        "recognizer": span.recognizer,
        "score": span.score,
    }


def _by_conversation(rows: Sequence[dict[str, Any]]) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    """Yield the items of each conversation in the order of reading: people are numbered by it."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(row["conversation_id"], []).append(row)
    for conversation_id, members in groups.items():
        yield conversation_id, sorted(members, key=_reading_order)


def _reading_order(row: Mapping[str, Any]) -> tuple[int, int, str]:
    position = _LAST if row["position"] is None else int(row["position"])
    return position, _KIND_ORDER.get(row["kind"], len(_KIND_ORDER)), row["item_id"]
