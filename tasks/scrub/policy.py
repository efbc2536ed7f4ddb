"""Which candidates are masked in which text: what a user says of people differs from what a model recites.

User side (messages of users, thoughts, summaries, survey): recall first. Assistant messages: contact data,
numbers and secrets are masked as everywhere, but a person only when named on the user's side or standing
beside contact data; public figures, products and brands stay readable.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.scrub.places import is_large_place
from tasks.scrub.spans import Span

CONTACT_TYPES = frozenset({"EMAIL", "PHONE", "USERNAME", "SSN", "IBAN", "CREDIT_CARD", "DATE_OF_BIRTH", "ID"})
BESIDE_CHARS = 80
ASSISTANT_MASK_SCORE = 0.65
_PERSONAL_URL = frozenset({"share_link", "git_remote"})
_QUERY = re.compile(
    r"[?&](?:id|uid|user|username|name|mail|email|phone|tel|mobile|card|iban|account|ssn|address|e|u|token|ref|session|sid|key|code|auth|hash)=",
    re.IGNORECASE,
)
_PROFILE = re.compile(r"(?i)/(?:~|@|u/|user/|users/|profile/|people/|in/|id/|channel/|c/)[\w.-]{2,}")
_HOST = re.compile(r"(?i)^(?:[a-z]{2,6}://)?(?:www\.)?([a-z0-9.-]+\.[a-z]{2,})(/?)$")
_PUBLIC_HOSTS = frozenset(
    ["google.com", "youtube.com", "wikipedia.org", "amazon.com", "amazon.co.uk", "reddit.com", "github.com", "gitlab.com", "stackoverflow.com", "microsoft.com", "apple.com", "facebook.com", "instagram.com", "twitter.com", "x.com", "tiktok.com", "linkedin.com", "pinterest.com", "netflix.com", "spotify.com", "openai.com", "chatgpt.com", "anthropic.com", "claude.ai", "gemini.google.com", "python.org", "pypi.org", "npmjs.com", "mozilla.org", "w3.org", "yelp.com", "tripadvisor.com", "booking.com", "airbnb.com", "expedia.com", "kayak.com", "skyscanner.com", "ebay.com", "etsy.com", "walmart.com", "target.com", "bestbuy.com", "ikea.com", "indeed.com", "glassdoor.com", "zillow.com", "craigslist.org", "paypal.com", "stripe.com", "quora.com", "medium.com", "substack.com", "imdb.com", "goodreads.com", "coursera.org", "udemy.com", "edx.org", "khanacademy.org", "nytimes.com", "bbc.com", "bbc.co.uk", "cnn.com", "theguardian.com", "reuters.com", "who.int", "cdc.gov", "nih.gov", "irs.gov", "usa.gov", "gov.uk", "nasa.gov", "example.com", "example.org", "example.net", "localhost", "node.js", "next.js", "vue.js"]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Scores from which a span is masked, and from which it is shown to a reviewer."""

    mask: float
    review: float


def choose_user_side(text: str, spans: Sequence[Span], at_least: float) -> list[Span]:
    """Return the candidates that matter in a text of the user's side, from a score up."""
    return [s for s in spans if s.score >= at_least and not _is_public(text, s)]


def choose_assistant(text: str, spans: Sequence[Span], at_least: float) -> list[Span]:
    """Return the candidates that matter in an assistant message, people and places left out."""
    floor = max(at_least, ASSISTANT_MASK_SCORE)
    return [
        s
        for s in spans
        if s.type not in {"PERSON", "LOCATION"}
        and (s.score >= floor or (s.type == "SECRET" and s.score >= at_least))
        and (s.type != "URL" or _is_personal_url(text, s))
    ]


def people_beside_contacts(
    text: str, spans: Sequence[Span], masked: Sequence[Span], at_least: float
) -> list[Span]:
    """Return persons that stand within a line or so of contact data in the same text."""
    contacts = [s for s in masked if s.type in CONTACT_TYPES]
    if not contacts:
        return []
    ends = sorted(c.end for c in contacts)
    starts = sorted(c.start for c in contacts)

    def is_beside(span: Span) -> bool:
        n_ended = bisect_right(ends, span.start - BESIDE_CHARS)
        n_started = bisect_left(starts, span.end + BESIDE_CHARS)
        return n_started > n_ended

    return [s for s in spans if s.type == "PERSON" and s.score >= at_least and is_beside(s)]


def _is_public(text: str, span: Span) -> bool:
    surface = text[span.start : span.end]
    if span.type == "LOCATION":
        return len(surface) < 4 or not surface[0].isupper() or is_large_place(surface)
    if span.type == "URL":
        host = _HOST.match(surface)
        return host is not None and host.group(1).lower() in _PUBLIC_HOSTS
    return False


def _is_personal_url(text: str, span: Span) -> bool:
    surface = text[span.start : span.end]
    return span.recognizer in _PERSONAL_URL or bool(_QUERY.search(surface) or _PROFILE.search(surface))
