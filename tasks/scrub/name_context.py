"""Names by what stands around them in running text: a verb of saying, a list of people, a line of their own.

Complements the name model where it is weak: rare names, lower-case text, contact blocks, dialogues.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from tasks.scrub.language import reads_as_english
from tasks.scrub.name_lists import is_chat_word, is_listed_name, is_only_a_name, is_plain_word
from tasks.scrub.places import is_large_place
from tasks.scrub.recognizers.people import NAME_WORD, NOT_A_NAME, UPPER, trim_name
from tasks.scrub.spans import Span

VERSION = 2
_VERBS = (
    r"(?:said|says|told|asked|asks|replied|answered|wrote|writes|thinks?|thought|wants?|wanted|lives?|lived|works|worked|moved|married|"
    r"loves?|loved|hates?|likes?|liked|knows?|knew|called|calls|texted|emailed|messaged|died|invited|helped|promised|agreed|refused|"
    r"smiled|laughed|nodded|sighed|shouted|whispered|whispers|explained|added|spent|started|began|joined|met|teaches|taught|graduated)"
)
_SUBJECT = re.compile(
    r"(?<![\w@#/.’'-])("
    + NAME_WORD
    + r"(?: "
    + NAME_WORD
    + r")?)(?:,? (?:who|has|had|have|never|always|also|just|really))? (?="
    + _VERBS
    + r"\b)"
)
_SAID = re.compile(
    r"\b(?:said|asked|replied|answered|whispered|shouted|with|to|from|by|met|told|meet|visit|see|ask|tell|thank|for|and|invited|marry|married|dating)\s("
    + NAME_WORD
    + r"(?: "
    + NAME_WORD
    + r")?)(?![\w-])"
)
_ADDRESSED = re.compile(
    r"(?i:\b(?:tell|told|asked|ask|texted|invited?|emailed|messaged|cc|thank|thx|marry|married|dating|ghosted|hugged|swear|missing u|miss you|bday))\s("
    + NAME_WORD
    + r")(?![\w-])"
)
_LABEL = re.compile(
    r"(?m)^[ \t>*_-]{0,6}(" + NAME_WORD + r"(?: " + NAME_WORD + r")?)[*_]{0,2}:(?=[ \t\"“*]|$)"
)
_LIST = re.compile(r",? (?:and|&|und|et|y|e|or) |, ")
_CAMEL = re.compile(r"(?!Mc|Mac|De|Di|La|Le|Van|Von|Fitz|O['’]|D['’])[A-Z][a-z]+[A-Z]")
_NAME = re.compile(UPPER + r"[a-zà-ÿ][\w'’-]{0,30}(?: " + UPPER + r"[a-zà-ÿ][\w'’-]{1,30})?(?![\w@])")
_LINE = re.compile(
    r"(?m)^[ \t>?*_|-]{0,8}("
    + UPPER
    + r"[\w'’-]{1,30}(?: {1,2}(?:"
    + UPPER
    + r"\.? {1,2})?(?:(?:van|von|de|del|da|dos|di|al|el|bin) )?"
    + UPPER
    + r"[\w'’.-]{1,30}){1,2})[ \t*_,]{0,4}$"
)
_PAIR = re.compile(
    r"(?<![\w@#/.’'-])("
    + UPPER
    + r"[a-zà-ÿ][\w'’-]{1,30}(?:(?: |\n(?=\S{2,30} [a-z]))(?:"
    + UPPER
    + r"\. )?"
    + UPPER
    + r"[a-zà-ÿ][\w'’-]{1,30}){1,2})(?![\w@])"
)
_CONTACT_NEAR = re.compile(r"\d{4,}|@|\b(?:phone|tel|mobile|email|e-mail|address|apt|suite)\b", re.IGNORECASE)
_NEAR_CHARS = 160


def find_names_in_context(text: str, spans: Sequence[Span]) -> list[Span]:
    """Return further names.

    Args:
        text: the text.
        spans: persons found so far; lists of people are continued from them.
    """
    found: list[Span] = []
    for pattern, name, score in (
        (_SUBJECT, "name_subject", 0.55),
        (_SAID, "name_object", 0.5),
        (_ADDRESSED, "name_object", 0.5),
    ):
        for match in pattern.finditer(text):
            if _is_name_like(match.group(1), listed=pattern is _SAID) and (
                bounds := trim_name(text, *match.span(1))
            ):
                found.append(Span(*bounds, "PERSON", score, name))
    found.extend(_find_labels(text))
    found.extend(_find_lines(text))
    found.extend(_find_unknown_pairs(text))
    people = [s for s in (*spans, *found) if s.type == "PERSON" and s.score >= 0.5]
    found.extend(_continue_lists(text, people))
    return found


def _is_name_like(name: str, *, listed: bool) -> bool:
    """Whether every word may be part of a name: no English word, no acronym; listed when asked for."""
    words = [w.strip("'’.-") for w in name.split()]
    words = [w.removesuffix("'s").removesuffix("’s") for w in words]
    if any(w in NOT_A_NAME or w.isupper() or not w.isalpha() for w in words if len(w) > 1):
        return False
    if any(is_plain_word(w.casefold()) or is_chat_word(w.casefold()) or _CAMEL.match(w) for w in words):
        return False
    return not listed or any(is_only_a_name(w.casefold()) for w in words)


def _find_labels(text: str) -> list[Span]:
    """Speakers of a dialogue: `Name:` at line starts, at least twice or known as a name."""
    labels = [m for m in _LABEL.finditer(text) if _is_name_like(m.group(1), listed=False)]
    counts = Counter(m.group(1) for m in labels)
    return [
        Span(*m.span(1), "PERSON", 0.55, "name_label")
        for m in labels
        if counts[m.group(1)] > 1 or any(is_only_a_name(w.casefold()) for w in m.group(1).split())
    ]


def _find_lines(text: str) -> list[Span]:
    """A name on a line of its own, near contact data or known as a name."""
    found: list[Span] = []
    for match in _LINE.finditer(text):
        words = [w.strip("'’.-") for w in match.group(1).split()]
        plain = [w for w in words if len(w) > 1 and (is_plain_word(w.casefold()) or w in NOT_A_NAME)]
        if plain and not (len(plain) < len(words) and all(is_listed_name(w) for w in words if len(w) > 1)):
            continue
        near = text[max(0, match.start() - _NEAR_CHARS) : match.end() + _NEAR_CHARS]
        if any(is_only_a_name(w.casefold()) for w in words) or (
            _CONTACT_NEAR.search(near) and not any(w.isupper() and len(w) > 1 for w in words)
        ):
            found.append(Span(*match.span(1), "PERSON", 0.55, "name_line"))
    return found


def _find_unknown_pairs(text: str) -> list[Span]:
    """Two or three capitalised words that no dictionary knows are a name, in text that reads as English.

    Elsewhere capitals say little (German nouns), so one of the words must be a listed name.
    """
    pairs = list(_PAIR.finditer(text))
    if not pairs:
        return []
    english = reads_as_english(text)
    found: list[Span] = []
    for match in pairs:
        words = [w for w in match.group(1).split() if not w.endswith(".")]
        while words and (words[0] in NOT_A_NAME or is_plain_word(words[0].casefold())):
            words.pop(0)
        if len(words) < 2 or not _is_name_like(" ".join(words), listed=not english):
            continue
        if is_large_place(" ".join(words)) or any(is_large_place(w) for w in words):
            continue
        start = match.start(1) + match.group(1).index(words[0])
        found.append(Span(start, match.end(1), "PERSON", 0.55, "name_unknown_words"))
    return found


def _continue_lists(text: str, people: Sequence[Span]) -> list[Span]:
    """In `Ines, Petra and Marta`, what is coordinated with a person is one."""
    found: list[Span] = []
    ends = {s.end: s for s in people}
    for person in people:
        position = person.end
        for _ in range(8):
            link = _LIST.match(text, position)
            name = _NAME.match(text, link.end()) if link else None
            if link is None or name is None or not _is_name_like(name.group(), listed=link.group() == ", "):
                break
            if name.end() not in ends:
                found.append(Span(*name.span(), "PERSON", 0.5, "name_list"))
            position = name.end()
        found.extend(_precede(text, person))
    return found


_BEFORE = re.compile(r"(" + UPPER + r"[a-zà-ÿ][\w'’-]{1,30})(?:,? (?:and|&|und|et|y) |, )$")


def _precede(text: str, person: Span) -> list[Span]:
    start = max(0, person.start - 45)
    match = _BEFORE.search(text[start : person.start])
    if match is None or not _is_name_like(match.group(1), listed=", " in match.group()[-2:]):
        return []
    return [Span(start + match.start(1), start + match.end(1), "PERSON", 0.5, "name_list")]
