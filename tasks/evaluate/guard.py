"""Text that speaks to the reader of the data instead of to the chatbot: taken out of what models are shown.

The fence around the material says that nothing in it is addressed to the model; a weak model may follow it
all the same. So sentences that tell a reader to drop its instructions or dictate an answer are left out
before anything is asked. The tables keep the text as it is, and the summary counts what was left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tasks.tag.canonical import strip_invisible

_SENTENCE = re.compile(r"[^.!?\n]*(?:[.!?]+[\"'”’)\]]*\s*|\n\s*|$)")
_WORD = r"(?:\W+\w+){0,4}?\W+"
_FILLER = (
    r"(?:\W+(?:only|just|with|simply|always|exactly|it|this|them|a|an|the|me|number|score|rating|as|of|is|to|be|"
    r"item|answer|text|value))*"
)
_NUMBER = (
    r"\W+[\"'“]?\d{1,3}(?:\s*(?:/|out of)\s*\d{1,3})?[\"'”]?"
    r"\s*(?:[.!?,;:)]|$|\band\b|\bno matter\b|\bregardless\b|\bfor (?:this|every|all|each)\b)"
)
_RULES = (
    # drop what you were told
    r"\b(?:ignore|disregard|forget|override|bypass|skip)\b" + _WORD + r"(?:instructions?|prompts?|rules|"
    r"guidelines|directions|system message|everything (?:above|before))\b",
    # answer with this number
    r"\b(?:answer|respond|reply|return|output|say|print|score|rate|mark)\b" + _FILLER + _NUMBER,
    r"\b(?:give|assign|award|choose|pick|write)\b"
    + _FILLER
    + r"\W+(?:it|this|them|score|rating|mark|grade)\b"
    + _FILLER
    + _NUMBER,
    r"\b(?:answer|score|rate)\b"
    + _FILLER
    + r"\W+(?:one|two|three|four|five|ten|full marks|(?:the )?(?:highest|"
    r"lowest|maximum|minimum|top|best)(?: possible)?)\b(?:\W+(?:score|rating|mark))?\s*(?:[.!?,;:)]|$)",
    r"\b(?:give|assign|award|choose|pick)\b"
    + _FILLER
    + r"\W+(?:full marks|(?:highest|lowest|maximum|minimum|top|"
    r"best)(?: possible)? (?:score|rating|mark|grade))\b",
    # you are the judge
    r"\b(?:dear|attention|note to|hey|hello)\W+(?:\w+\W+)?(?:judge|grader|evaluator|annotator|rater|reviewer)\b",
    r"\byou are (?:now |actually )?(?:a|an|the) (?:judge|grader|evaluator|annotator|rater)\b",
    # forged answers and marks
    r"[\"'](?:score|answers|prior|hypotheses)[\"']\s*:",
    r"</?items?-?[0-9a-f]*>",
    r"\b(?:new|updated|real) (?:system )?(?:instructions?|prompt)\s*:",
)
_ADDRESSED = re.compile("|".join(f"(?:{rule})" for rule in _RULES), re.IGNORECASE | re.MULTILINE)
_ROUNDS = 20


@dataclass(slots=True)
class Guard:
    """Takes out what speaks to the reader, and counts.

    Attributes:
        texts: texts that lost a sentence.
    """

    texts: set[str] = field(default_factory=set[str])

    def clean(self, text: str) -> str:
        """Return the text without sentences that address its reader; empty where nothing else was said.

        A demand may run over several sentences: all that it touches go.
        """
        rest = strip_invisible(text)
        for _ in range(_ROUNDS):
            found = [m.span() for m in _ADDRESSED.finditer(rest)]
            if not found:
                return rest if rest == text else rest.strip()
            self.texts.add(text)
            rest = "".join(
                s[0]
                for s in _SENTENCE.finditer(rest)
                if not any(s.start() < end and start < s.end() for start, end in found)
            )
        return ""


def addresses_reader(text: str) -> bool:
    """Whether a text holds a sentence that addresses its reader."""
    return bool(_ADDRESSED.search(strip_invisible(text)))
