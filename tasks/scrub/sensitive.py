"""Flags content that identifies nobody by a span and still needs care: health, self-harm, sexual, minors.

A flag is a hint for a policy and a count in the release, not a moderation verdict: whole words, read in
both roles, precision before recall.
"""

from __future__ import annotations

import re

VERSION = 1
KINDS = ("health", "self_harm", "sexual", "minors")
_PATTERNS: dict[str, re.Pattern[str]] = {
    "health": re.compile(
        r"(?i)\b(?:i|my|he|she|his|her|we|our)\b[^.\n]{0,60}\b(?:diagnos(?:ed|is)|cancer|tumou?r|chemo(?:therapy)?|hiv|aids|diabet(?:es|ic)|"
        r"depress(?:ion|ed)|bipolar|schizophreni[ac]|ptsd|adhd|autis(?:m|tic)|anxiety|panic attacks?|ocd|eating disorder|anorexi[ac]|bulimi[ac]|"
        r"miscarriage|abortion|pregnan(?:t|cy)|infertil(?:e|ity)|ivf|epilep(?:sy|tic)|stroke|heart (?:attack|disease|failure)|dementia|alzheimer'?s|"
        r"parkinson'?s|chronic pain|fibromyalgia|lupus|crohn'?s|ibs|herpes|std|sti|antidepressants?|ssri|insulin|dialysis|rehab|addict(?:ed|ion)|"
        r"alcoholi[cs]m?|psychiatrist|therapist|medication|surgery|disab(?:led|ility)|asthma|migraines?|arthritis|blood pressure|biopsy)\b"
    ),
    "self_harm": re.compile(
        r"(?i)\b(?:suicid(?:e|al)|kill(?:ing)? myself|end(?:ing)? my life|want to die|wanna die|self[- ]?harm(?:ing)?|cut(?:ting)? myself|hurt(?:ing)? myself|"
        r"overdos(?:e|ing) on|better off dead|no reason to live)\b"
    ),
    "sexual": re.compile(
        r"(?i)\b(?:porn(?:ography|hub)?|nsfw|blow ?job|hand ?job|masturbat(?:e|es|ing|ion)|orgasms?|erotic(?:a)?|hentai|fetish(?:es)?|bdsm|sext(?:ing)?|"
        r"have sex|having sex|had sex|sexual(?:ly)? (?:intercourse|explicit|fantas(?:y|ies)|positions?|assault(?:ed)?|abuse[d]?)|onlyfans|penis|vagina|rape[d]?|sex toys?|nudes)\b"
    ),
    "minors": re.compile(
        r"(?i)\b(?:i(?:'m| am)\s(?:only\s|just\s)?(?:a\s)?(?:[7-9]|1[0-7])(?:\s?(?:years?[- ]old|yrs? old|yo\b|y/o)|[- ]year[- ]old|(?=\s?[.,!]|\sand\b))|"
        r"i(?:'m| am)\s(?:a\s)?(?:minor|underage|(?:[1-9]th|first|second|third)\s?grader)|i(?:'m| am)\sin\s(?:[1-9]th|1[0-2]th)\sgrade)"
    ),
}


def flag_sensitive(text: str) -> list[str]:
    """Return the kinds of sensitive content found in a text, in the order of `KINDS`."""
    return [kind for kind in KINDS if _PATTERNS[kind].search(text)]
