"""Surface cues: patterns whose presence says something about a label, as 0/1 columns.

They are features of the head, never decisions: what a cue is worth is learned from seed examples and gold.
The patterns follow from the taxonomy's definitions and work on English; elsewhere they stay silent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import compress
from types import MappingProxyType

import numpy as np
import polars as pl
from numpy.typing import NDArray

_THANKS = r"\b(thanks?|thank you|thx|ty|cheers|appreciate|grateful)\b"
_BYE = r"\b(bye|goodbye|good night|sign(ing)? off|farewell|that('s| is) all|see you)\b"
_HELLO = r"^\W*(hi|hello|hey|hiya|good (morning|evening|afternoon)|greetings)\b"
_POSITIVE = (
    r"\b(good|great|nice|helpful|useful|satisf\w+|love[ds]?|lik(e|ed)|excellent|amazing|perfect\w*|fantastic|"
    r"awesome|impress\w*|happy|pleased|clear|thorough|solid|fair|practical|informative|interesting|glad|"
    r"enjoy\w*|brilliant|super|wonderful|best|well|works?|exactly|reassur\w+|honest)\b"
)
_CONTRAST = (
    r"\b(but|however|although|though|yet|except|only thing|just think|nonetheless|still|despite|while)\b"
)

_REASON: Mapping[str, str] = {
    "thanks": _THANKS,
    "bye": rf"{_BYE}|\b(wrap\w* up|end(ed|ing)? (of )?(the|this|our|my) (chat|conversation)|done|conclud\w+)\b",
    "greeting": r"\b(greet\w*|polite\w*|hello|saying hi|small talk|conversation starter|courte\w+|manners)\b",
    "feedback": r"\b(acknowledg\w+|feedback|confirmed to|compliment\w*|prais\w+|react\w*)\b",
    "replied": r"\b(repl(y|ied|ying)|respond(ed|ing)?|answer(ed|ing)) (to )?(the|its|his|their|ai|that)\b",
    "goal": (
        r"\b(i (want|need|would like|'d like|wish|hope|have|plan|am trying) to|my goal|goal is|in order to|so "
        r"that i|because i|to (avoid|improve|save|learn|track|organi[sz]e|stay|start|become|earn|find)|problem|"
        r"struggl\w+|worr(y|ied)|concern\w*|scared|afraid|risk\w*|help me|help with)\b"
    ),
    "start": r"\b(start(ed|ing)?|begin\w*|first (prompt|question|message)|initial|in general|overview)\b",
    "follow": (
        r"\b(follow(ed|ing)?[- ]?up|further|more (about|info\w*|details?|on)|know more|elaborate|deeper|"
        r"expand\w*|contin\w+|clarif\w+|next (step|question)|go(ing)? (on|further|deeper)|additional|another|"
        r"any other|anything else|alternativ\w+|explore|compare|options?)\b"
    ),
    "suggested": r"\b((it|ai|bot|chatbot|assistant) (had |has )?(already |previously )?(suggest|mention|recommend|offer|propos)\w*|suggestions?)\b",
    "challenge": r"\b(challeng\w+|doubt\w*|double[- ]check\w*|push back|question its)\b",
    "context": (
        r"\b(my (current )?(budget|situation|preferences?|level|needs|condition|location|country|schedule|"
        r"experience|home)|i live|i forgot|forgot to|remember(ed)?|constraints?|prefer\w*|i (do not|don't|can't|"
        r"cannot)|restrict\w*|limit(ed|ation)s?|allerg\w+|specif(y|ied)|background|told (it|the)|gave it|"
        r"let it know|explain(ed)? (the|my)|more information about|it (needs|has) to know|use case)\b"
    ),
    "expects": (
        r"\b(expect\w*|accura\w+|precise|specific|sources?|references?|evidence|data|statistics?|numbers?|"
        r"figures|facts?|examples?|detailed|check(ing)?|see (if|whether|how)|test(s|ed|ing)?|make sure|missing|"
        r"reasoning|correct|solid|whether|normal|description)\b"
    ),
    "style": (
        r"\b(shorter|concise\w*|brief\w*|format\w*|table|bullet\w*|tone|layout|easier to (read|follow|skim)|"
        r"simplif\w+|simpler|summar\w+|style|too long|overwhelm\w+|printed?|chart|checklist|wording|sentences?)\b"
    ),
    "turn": (
        r"\b(instead|chang(e|ed|ing) (the |my )?(subject|topic|mind|direction|goal)|switch\w*|redirect\w*|"
        r"different (topic|subject|direction)|shift\w*|moved? on|something else|new topic|decided to)\b"
    ),
    "curious": r"\b(curio\w+|wonder\w*|interest\w*)\b",
    "wanted": r"\b(want(ed)?|would like|wish(ed)?)\b",
    "so_asked": r"\b(so i (asked|ask|thought|wanted|decided)|i asked this|which is why)\b",
}
_REASON_MESSAGE: Mapping[str, str] = {
    "thanks": _THANKS,
    "bye": _BYE,
    "greeting": _HELLO,
    "question": r"\?",
    "first_person": r"\b(i am|i'm|i have|i've|i live|i work|i can't|i only|my)\b",
    "style": r"\b(shorter|concise|brief|bullet|table|simplif\w*|simpler|summar\w+|tone|in (one|a few) sentences?|chart|checklist)\b",
    "more": r"\b(more|else|another|other|elaborate|tell me|also|and what|what about|how about|why)\b",
    "yes": r"^\W*(yes|yeah|yep|sure|ok|okay|no|nope|please do)\b",
    "budget": r"(\b(under|budget|at most|maximum|max|only)\b|[$€£]\s?\d|\d\s?(usd|eur|dollars|euros))",
    "turn": r"\b(instead|forget (it|that)|different (question|topic)|actually|change)\b",
}
_REACTION: Mapping[str, str] = {
    "positive": _POSITIVE,
    "strong_positive": r"\b(very|extremely|really|so|quite) (good|helpful|useful|happy|satisfied|pleased|clear|nice|detailed|informative)\b",
    "contrast": _CONTRAST,
    "could": r"\b(could (be|have|include|use|also)|would (have|be|change|prefer|like)|should(n't)?|wish\w*|prefer\w*|might be)\b",
    "slightly": r"\b(slight(ly)?|a (bit|little|tad)|somewhat|kind of|partial\w*|mostly|almost|rather|okay|decent|overall)\b",
    "unsure": r"\b(not (so |too |fully |entirely |completely )?(sure|convinced|certain)|worr\w+|concern\w*|doubt\w*|questionable|skeptic\w*)\b",
    "no_complaint": r"\b(no|without|nothing) (further |other |more )?(complain\w*|comments?|issues?|problems?|to add)\b",
    "long": (
        r"\b((too|very|so|really|pretty|quite|overly) (\w+ )?(long|much|many|detailed|broad|extensive|elaborate|"
        r"lengthy|wordy)|length\w*|overwhelm\w*|shorte\w+|shorter|brief(er)?|essay|a lot (of|to)|extensive|verbose)\b"
    ),
    "short": r"\b(too (short|basic|brief|simple|shallow|vague)|not enough|more (detail|depth)\w*|only scratch\w*|lacks? (detail|depth))\b",
    "style": (
        r"\b(spacing|format\w*|layout|hard to (read|follow)|difficult to (read|follow)|tone|wording|wall of text|"
        r"text wall|bullet\w*|headings?|emojis?|bold|structur\w*|robot\w*|formal|pushy|paragraphs?|language|"
        r"confus\w+|technical|monoton\w+|boring)\b"
    ),
    "wrong": r"\b(wrong|incorrect|inaccura\w+|mistake\w*|error|false|outdated|hallucinat\w*|not (true|correct|right|accurate)|made up|unrealistic)\b",
    "missing": (
        r"\b(miss(ing|ed|es)|without|lack(s|ing)?|did ?n[o']?t (include|mention|answer|give|provide|ask|consider|"
        r"explain)|does ?n[o']?t (include|mention|answer|give|provide|consider|explain)|fail(s|ed)?|forgot|ignored?|"
        r"left out|no (links?|sources?|examples?|explanation))\b"
    ),
    "irrelevant": r"\b(irrelevant|not what i|generic|didn'?t ask|not (really )?(useful|helpful|relevant)|misunder\w+|repeat\w*|useless|unnecessary|off[- ]topic|again asks?)\b",
    "expected": r"\b(expect(ed|ing)?|hop(ed|ing)|thought it would|surprised|wanted)\b",
    "asked_first": r"\b(ask(ed)? (me |more |first|about|for|what)|more questions)\b",
    "again": r"\b(again|same|as before|like before)\b",
    "dissatisfied": r"\b(not satisfied|dissatisf\w+|unsatisf\w+|disappoint\w*|bad|poor|annoy\w*|frustrat\w*|dislike\w*|don'?t like|did ?n[o']?t like|nope)\b",
}
_RELATIONSHIP: Mapping[str, str] = {
    "again": r"\b(again|still|not what i|i said|i meant|i asked|wrong|try again|redo|doesn'?t work|does not work|misunder\w+|incorrect|are you sure|check again|no,)\b",
    "variation": r"\b(instead|same|another (one|version)|version|how about|what about|for (a|my|the)|different (one|style|version)|rewrite|in (spanish|french|german|english)|other (ideas|options|names))\b",
    "new": r"\b(different (topic|question|subject)|next (topic|thing|question)|new (topic|question)|change (the )?(subject|topic)|let'?s talk|now help|something else|unrelated|another (question|topic|thing)|switching)\b",
    "refers": r"\b(it|that|this|these|those|them|they|one|ones|he|she|there|above|previous|earlier|first|second|third|last)\b",
    "opens_and": r"^\W*(and|also|but|so|then|ok|okay|yes|yeah|no|great|thanks?|thank you|perfect|sure|why|what if|which)\b",
    "question": r"\?",
    "thanks": _THANKS,
    "more": r"\b(more|elaborate|details?|explain|expand|further|example|add|include|also|what else|anything else)\b",
    "imperative": r"^\W*(write|give|make|plan|explain|tell|help|recommend|suggest|compare|create|list|translate|show|find|design|draft)\b",
    "first_person": r"\b(i am|i'm|i have|i live|my)\b",
}

THOUGHT_CUES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"reason": _REASON, "reaction": _REACTION, "relationship": _RELATIONSHIP, "topic": {}}
)
CONTEXT_CUES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"reason": _REASON_MESSAGE, "reaction": {}, "relationship": {}, "topic": {}}
)
_WORD = re.compile(r"[^\W_]+")
_UNLIKE = re.compile(r"[^\x00-\x1b\x20-\x7f]")


def find_cues(patterns: Mapping[str, str], texts: Sequence[str]) -> NDArray[np.float64]:
    """Return one row a text and one column a pattern: 1 where it occurs, in any case of letters."""
    # polars' expressions take a tenth of the time; only about other letters and some control characters they
    # disagree with Python's
    is_plain = np.array([not _UNLIKE.search(text) for text in texts], dtype=np.bool_)
    plain = pl.Series(list(compress(texts, is_plain)), dtype=pl.String())
    others = list(compress(texts, ~is_plain))
    found = np.zeros((len(texts), len(patterns)), dtype=np.float64)
    for column, pattern in enumerate(patterns.values()):
        found[is_plain, column] = plain.str.contains(f"(?i){pattern}").to_numpy()
        compiled = re.compile(pattern, re.IGNORECASE)
        found[~is_plain, column] = [compiled.search(text) is not None for text in others]
    return found


def measure_shape(texts: Sequence[str]) -> NDArray[np.float64]:
    """Return length in words (log, capped), length in characters under 25, and a final question mark."""
    rows = [
        [
            min(np.log1p(len(_WORD.findall(text))) / 4.0, 1.5),
            float(len(text) < 25),
            float(text.rstrip().endswith("?")),
        ]
        for text in texts
    ]
    return np.array(rows, dtype=np.float64).reshape(len(texts), 3)


def measure_overlap(texts: Sequence[str], before: Sequence[str]) -> NDArray[np.float64]:
    """Return how far a text repeats the one before: Jaccard of words, share of its words, length ratio."""
    rows: list[list[float]] = []
    for text, previous in zip(texts, before, strict=True):
        here, there = (set(_WORD.findall(t.lower())) for t in (text, previous))
        common, union = len(here & there), len(here | there)
        rows.append(
            [
                common / union if union else 0.0,
                common / len(here) if here else 0.0,
                len(here) / (len(here) + len(there)) if union else 0.5,
            ]
        )
    return np.array(rows, dtype=np.float64).reshape(len(texts), 3)
