"""Every recogniser that reads one text by pattern, as data."""

from __future__ import annotations

from tasks.scrub.recognizers.addresses import ADDRESSES
from tasks.scrub.recognizers.contact import CONTACT
from tasks.scrub.recognizers.model import Found, Recognizer
from tasks.scrub.recognizers.numbers import NUMBERS
from tasks.scrub.recognizers.people import PEOPLE
from tasks.scrub.recognizers.records import RECORDS
from tasks.scrub.recognizers.secrets import SECRETS

RECOGNIZERS: tuple[Recognizer, ...] = (*CONTACT, *NUMBERS, *RECORDS, *SECRETS, *ADDRESSES, *PEOPLE)
"""All of them, in a stable order."""

__all__ = ["RECOGNIZERS", "Found", "Recognizer"]
