"""Everything that may identify somebody in one text, whatever the conversation says elsewhere."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from tasks.scrub.first_names import VERSION as LISTS_VERSION
from tasks.scrub.first_names import find_listed_names
from tasks.scrub.name_context import VERSION as CONTEXT_VERSION
from tasks.scrub.name_context import find_names_in_context
from tasks.scrub.name_lists import is_chat_word, is_listed_name, is_plain_word
from tasks.scrub.ner import Entity, NameTagger
from tasks.scrub.normalise import View, make_view
from tasks.scrub.propagate import VERSION as PROPAGATION_VERSION
from tasks.scrub.reading import lines_to_read
from tasks.scrub.recase import VERSION as RECASE_VERSION
from tasks.scrub.recase import recase
from tasks.scrub.recognizers.gate import Gate
from tasks.scrub.recognizers.model import Recognizer
from tasks.scrub.recognizers.own import OwnRecognizers
from tasks.scrub.recognizers.people import NOT_A_NAME, PEOPLE, UPPER, trim_name
from tasks.scrub.spans import Span

ENGINE_VERSION = 2
"""Raised when this module or the normalisation changes what is found."""
MODEL_SCORE = 0.85
PLACEHOLDER = re.compile(r"<(?:PERSON|EMAIL|PHONE|URL|USERNAME|IP|CREDIT_CARD|IBAN|SSN|ID|ADDRESS|LOCATION|DATE_OF_BIRTH|SECRET|CRYPTO|GPS|PATH|OTHER)(?:_\d{1,7})?>")  # fmt: skip
_CONTEXT_NAMES = (
    "name_subject",
    "name_object",
    "name_label",
    "name_line",
    "name_list",
    "name_unknown_words",
    "place_postcode",
)
_PIECE_CHARS = 20_000
_MODEL_TYPES = {"PERSON": "PERSON", "GPE": "LOCATION", "LOC": "LOCATION", "FAC": "LOCATION"}
_MORE_NAME = re.compile(
    r"(?:\s(?:"
    + UPPER
    + r"\.?(?=\s"
    + UPPER
    + r")|van|von|de|der|den|del|della|di|da|dos|la|le|bin|ibn|al|el))?[ ]("
    + UPPER
    + r"[\w'’-]{1,30})"
)
_NAME_BEFORE = re.compile(
    r"(?<![\w@#/.’'&-])("
    + UPPER
    + r"[a-zà-ÿ][\w'’-]{0,24})[ ](?:(?:van|von|de|der|del|della|di|da|dos|bin|ibn|al|el)[ ])?$"
)


class Detector:
    """Finds spans in texts; stateless between calls but for caches."""

    def __init__(
        self,
        taggers: Sequence[NameTagger],
        recognizers: Sequence[Recognizer],
        own: OwnRecognizers | None = None,
    ) -> None:
        """Take loaded name models and recognisers.

        Args:
            taggers: name models; the union of what they find counts.
            recognizers: pattern recognisers.
            own: recognisers of the settings.
        """
        self._taggers = tuple(taggers)
        self._gate = Gate(recognizers)
        self._own = own
        models = "+".join(t.version for t in taggers)
        self.versions: dict[str, str] = {
            "name_model": models,
            "name_model_recased": f"{models}.{RECASE_VERSION}",
            "name_recased": f"{LISTS_VERSION}.{CONTEXT_VERSION}.{RECASE_VERSION}",
            "name_listed": LISTS_VERSION,
            "name_listed_lower": LISTS_VERSION,
            **dict.fromkeys(_CONTEXT_NAMES, str(CONTEXT_VERSION)),
            "propagation": str(PROPAGATION_VERSION),
            **{r.name: str(r.version) for r in recognizers},
            **(own.versions if own else {}),
        }

    def detect(
        self, texts: Sequence[str], around: Sequence[frozenset[str] | None] | None = None
    ) -> list[list[Span]]:
        """Return all candidates of each text, in code points of that text, of any score.

        Args:
            texts: the texts.
            around: for a text of an assistant, the words near which the name models read it (see `reading`);
                None, for a text or for all, is the whole text.
        """
        views = [make_view(text) for text in texts]
        patterns = [self._gate.find(view.text) for view in views]
        needed = around if around is not None else [None] * len(views)
        ranges = [
            _cut(view.text, None if words is None else lines_to_read(view.text, words, found))
            for view, words, found in zip(views, needed, patterns, strict=True)
        ]
        tagged = self._tag([view.text for view in views], ranges)
        recased = self._tag_recased([view.text for view in views], needed)
        return [self._detect_one(*each) for each in zip(views, patterns, tagged, recased, strict=True)]

    def _tag_recased(self, texts: Sequence[str], needed: Sequence[frozenset[str] | None]) -> list[list[Span]]:
        """Read carelessly cased texts a second time, with what may be a name in capitals."""
        found: list[list[Span]] = [[] for _ in texts]
        views = [(i, view) for i, text in enumerate(texts) if (view := recase(text)) is not None]
        ranges = [
            _cut(view, None if (words := needed[i]) is None else lines_to_read(view, words, ()))
            for i, view in views
        ]
        entities = self._tag([view for _, view in views], ranges)
        for (index, view), some in zip(views, entities, strict=True):
            spans = [span for e in some if e.label == "PERSON" for span in _from_model(view, e)]
            spans.extend(span for recognizer in PEOPLE for span in recognizer.find(view))
            spans.extend(find_listed_names(view))
            spans.extend(find_names_in_context(view, spans))
            names = (_extend_name(view, span) for span in spans)
            found[index] = [s for span in names if (s := _judge_recased(view, span))]
        return found

    def _tag(self, texts: Sequence[str], ranges: Sequence[Sequence[tuple[int, int]]]) -> list[list[Entity]]:
        """Run the name models over some ranges of each text."""
        pieces: list[tuple[int, int, str]] = []
        for index, (text, some) in enumerate(zip(texts, ranges, strict=True)):
            pieces.extend((index, start, text[start:end]) for start, end in some)
        entities: list[list[Entity]] = [[] for _ in texts]
        for tagger in self._taggers:
            found = tagger.tag([piece for _, _, piece in pieces])
            for (index, start, _), some in zip(pieces, found, strict=True):
                entities[index].extend(Entity(e.start + start, e.end + start, e.label) for e in some)
        return entities

    def _detect_one(
        self, view: View, patterns: Sequence[Span], entities: Sequence[Entity], recased: Sequence[Span]
    ) -> list[Span]:
        text = view.text
        spans = [span for entity in entities for span in _from_model(text, entity)]
        spans.extend(recased)
        spans.extend(patterns)
        spans.extend(_places_with_postcode(text, spans))
        spans.extend(find_listed_names(text))
        spans.extend(find_names_in_context(text, spans))
        if self._own is not None:
            spans.extend(self._own.find(text))
        spans = [_extend_name(text, span) if span.type == "PERSON" else span for span in spans]
        if "<" in text:
            spans = _spare_placeholders(text, spans)
        mapped = (
            [
                s._replace(**dict(zip(("start", "end"), view.to_original(s.start, s.end), strict=True)))
                for s in spans
            ]
            if view.starts
            else spans
        )
        return sorted(set(mapped))


def _cut(text: str, ranges: Sequence[tuple[int, int]] | None = None) -> list[tuple[int, int]]:
    """Cut ranges (all of the text by default) into pieces of bounded length that end at a line or a word."""
    cuts: list[tuple[int, int]] = []
    for first, last in [(0, len(text))] if ranges is None else ranges:
        start = first
        while last - start > _PIECE_CHARS:
            limit = start + _PIECE_CHARS
            end = text.rfind("\n", start + _PIECE_CHARS // 2, limit) + 1
            if not end:
                end = text.rfind(" ", start + _PIECE_CHARS // 2, limit) + 1
            cuts.append((start, end or limit))
            start = end or limit
        cuts.append((start, last))
    return cuts


def _from_model(text: str, entity: Entity) -> list[Span]:
    """Turn an entity into spans: a person ends at the line and needs a letter, and `Ann and Bob` are two."""
    kind = _MODEL_TYPES.get(entity.label)
    if kind is None:
        return []
    start, end = entity.start, entity.end
    line_end = text.find("\n", start, end)
    if line_end > start:
        end = line_end
    if kind != "PERSON":
        has_letter = any(c.isalpha() for c in text[start:end])
        return [Span(start, end, kind, MODEL_SCORE, "name_model")] if has_letter else []
    spans: list[Span] = []
    for first, last in _split_people(text, start, end):
        bounds = trim_name(text, first, last)
        if bounds is not None and _may_be_person(text[slice(*bounds)]):
            spans.append(Span(*bounds, kind, MODEL_SCORE, "name_model"))
    return spans


_BETWEEN_PEOPLE = re.compile(r",? (?:and|&|und|et|y|or) |, (?!Jr|Sr|I)")


def _split_people(text: str, start: int, end: int) -> list[tuple[int, int]]:
    cuts = [m.span() for m in _BETWEEN_PEOPLE.finditer(text, start, end)]
    return list(zip((start, *(b for _, b in cuts)), (*(a for a, _ in cuts), end), strict=True))


def _judge_recased(view: str, span: Span) -> Span | None:
    """Keep a name of the second reading when it holds a word that is no English one."""
    words = [w.strip("'’.,*_\"") for w in view[span.start : span.end].split()]
    words = [w.removesuffix("'s").removesuffix("’s").casefold() for w in words]
    if not any(len(w) > 1 and not is_plain_word(w) and not is_chat_word(w) for w in words):
        return None
    recased = "name_recased" if span.recognizer != "name_model" else "name_model_recased"
    return span._replace(score=min(span.score, 0.6), recognizer=recased)


_POSTCODE_AFTER = re.compile(
    r",?[ ]\d{4,6}(?:-\d{4})?\b(?![%.,]?\d|%| (?:people|residents|inhabitants|years|miles|km))"
)


def _places_with_postcode(text: str, spans: Sequence[Span]) -> list[Span]:
    """Return a place name together with the post code after it as an address."""
    return [
        span._replace(type="ADDRESS", end=match.end(), score=0.6, recognizer="place_postcode")
        for span in spans
        if span.type == "LOCATION"
        and (match := _POSTCODE_AFTER.match(text, span.end)) is not None
        and not match.group().strip(" ,").startswith(("19", "20"))
    ]


def _may_be_person(name: str) -> bool:
    """Drop what the model calls a person and a dictionary calls a thing: no word of it can be a name."""
    words = [w.strip("'’.,*_\"").removesuffix("'s").removesuffix("’s") for w in name.split()]
    words = [w for w in words if len(w) > 1]
    if not any(c.isalpha() for c in name) or _NEVER_IN_A_NAME.search(name):
        return False
    if name.islower() and words and all(is_plain_word(w) or is_chat_word(w) for w in words):
        return False
    if any(c.isdigit() for c in name):
        return any(is_listed_name(w) for w in words)
    return not words or not all(is_plain_word(w.casefold()) and not is_listed_name(w) for w in words)


_NEVER_IN_A_NAME = re.compile(r"[_=\"{}<>|\\/]")


def _extend_name(text: str, span: Span) -> Span:
    """Take in capitalised words, initials and particles that follow a capitalised name."""
    if not text[span.start].isupper() or span.score < 0.5:
        return span
    end = span.end
    for _ in range(3):
        more = _MORE_NAME.match(text, end)
        if more is None or more.group(1) in NOT_A_NAME:
            break
        if more.group(1).isupper() and len(more.group(1)) > 1 and not _is_unknown(more.group(1)):
            break  # in shouted text a capital says nothing
        end = more.end()
    start = span.start
    for _ in range(2):
        before = _NAME_BEFORE.search(text, max(0, start - 32), start)
        if before is None or before.group(1) in NOT_A_NAME or not _is_unknown(before.group(1)):
            break
        start = before.start(1)
    return span._replace(start=start, end=end)


def _is_unknown(word: str) -> bool:
    """Whether a capitalised word is no English one, or stands in a list of given names."""
    lower = word.casefold().strip(".'’")
    return len(lower) > 1 and not is_plain_word(lower) and not is_chat_word(lower)


def _spare_placeholders(text: str, spans: Sequence[Span]) -> list[Span]:
    """Cut placeholders of an earlier redaction out of spans, so that redacting twice changes nothing."""
    holes = [m.span() for m in PLACEHOLDER.finditer(text)]
    if not holes:
        return list(spans)
    starts, ends = [a for a, _ in holes], [b for _, b in holes]
    kept: list[Span] = []
    for span in spans:
        pieces = [(span.start, span.end)]
        first = bisect_right(ends, span.start)
        for a, b in holes[first : bisect_left(starts, span.end, lo=first)]:
            pieces = [p for s, e in pieces for p in ((s, min(e, a)), (max(s, b), e)) if p[0] < p[1]]
        if pieces == [(span.start, span.end)]:
            kept.append(span)
        elif span.type not in {"PERSON", "LOCATION"}:
            kept.extend(
                span._replace(start=s, end=e) for s, e in pieces if any(c.isalnum() for c in text[s:e])
            )
    return kept
