"""Numbers that a state, a bank or a telephone company gives to a person."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

from tasks.scrub.recognizers import checksums
from tasks.scrub.recognizers.model import Found, Judge, Recognizer, digits

_CARD = re.compile(r"(?<![\d.,\w-])\d(?:[ \n-]?\d){11,18}(?![\d\w-])")
_CARD_CONTEXT = re.compile(
    r"(?i)\b(?:card|cc|visa|mastercard|amex|maestro|credit|debit|discover)\b[^\d\n]{0,24}(\d(?:[ -]?\d){11,18})(?!\d)"
)
_SSN = re.compile(r"(?<![\d\w-])(?!000|666|9\d\d)\d{3}([-. ‐-―])(?!00)\d{2}\1(?!0000)\d{4}(?![\d\w-])")
_SSN_CONTEXT = re.compile(
    r"(?i)\b(?:ssn|social(?:\s+security)?(?:\s*(?:number|no\.?|#))?|tax(?:payer)?\s*(?:id|number)|itin)\b[^\d\n]{0,24}"
    r"(\d{3}[- ]?\d{2}[- ]?\d{4})(?!\d)"
)
_IBAN = re.compile(
    r"(?i)(?<![A-Z0-9])[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?(?![A-Z0-9])"
)
_IBAN_CONTEXT = re.compile(
    r"(?i)\biban\b[^\n]{0,20}?\b([A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,4})?)(?![A-Z0-9])"
)
_PHONE = re.compile(
    r"(?i)(?<![\w.$€£/=_-])(?:\+|00)?\s?\(?\d(?:[\d().\-\s·–‑]|(?<!\s)/(?!\s)){5,22}\d(?:\s*(?:x|ext\.?|extension)\s*\d{1,6})?(?![\w%])"
)
_PHONE_BEFORE = re.compile(
    r"(?i)\b(?:phone|tel|telephone|mobile|cell|cellphone|call(?:ed|ing)?|text(?:ed|ing)?|whatsapp|fax|contact|number|dial|reach|"
    r"ring|answer(?:s|ed|ing)?|ph|hotline|sms|signal|viber|telefon(?:o|e)?|tél|handy|móvil|portable)\b"
)
_DATE_LIKE = re.compile(
    r"^(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|(?:1[5-9]|20)\d\d\s*[-–/]\s*(?:1[5-9]|20)?\d\d)(?:[ T,;)].{0,30})?$"
)
_NOT_PHONE_BEFORE = re.compile(
    r"(?i)(?:[$€£¥₹]|\b(?:isbn|issn|doi|version|order|invoice|tracking|usd|eur|rs\.?|pages?|pp\.?|years?))[\s:#-]{0,3}$"
)
_PHONE_ENCODED = re.compile(r"(?i)%2B\d{1,4}(?:(?:%20|%28|%29|[-.+]){0,2}\d{1,6}){2,6}(?!\d)")
_DIGIT_WORDS = ("oh", "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DIGIT_WORD = f"(?:{'|'.join(_DIGIT_WORDS)})"
_PHONE_SPOKEN = re.compile(r"(?i)\b" + _DIGIT_WORD + r"(?:[ ,.-]{1,2}" + _DIGIT_WORD + r"){6,14}\b")
_EXTENSION = re.compile(r"(?i)x|ext")
_NINO = re.compile(
    r"(?<![A-Za-z0-9])(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\s?\d{2}\s?\d{2}\s?\d{2}\s?[A-D](?![A-Za-z0-9])"
)
_NHS = re.compile(r"(?i)\bnhs\b[^\d\n]{0,24}(\d{3}[ -]?\d{3}[ -]?\d{4})(?!\d)")
_AADHAAR = re.compile(r"(?<![\d\w-])[2-9]\d{3}([ -])\d{4}\1\d{4}(?![\d\w-])")
_PAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z](?![A-Za-z0-9])")
_CPF = re.compile(r"(?<![\d\w-])\d{3}\.\d{3}\.\d{3}-\d{2}(?!\d)")
_DNI = re.compile(r"(?i)(?<![A-Z0-9])(?:[XYZ]-?)?\d{7,8}-?[A-HJ-NP-TV-Z](?![A-Z0-9])")
_PESEL = re.compile(r"(?i)\bpesel\b[^\d\n]{0,16}(\d{11})(?!\d)")
_CODICE = re.compile(r"(?i)(?<![A-Z0-9])[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z](?![A-Z0-9])")
_NIR = re.compile(
    r"(?<![\d\w])[12]\s?\d{2}\s?(?:0[1-9]|1[0-2])\s?(?:\d{2}|2[AB])\s?\d{3}\s?\d{3}\s?\d{2}(?![\d\w])"
)
_VIN = re.compile(
    r"(?<![A-Za-z0-9])(?=[A-Z0-9]{0,16}\d)(?=[A-Z0-9]{0,16}[A-Z])[A-HJ-NPR-Z0-9]{17}(?![A-Za-z0-9])"
)
_BTC = re.compile(r"(?<!\w)(?:bc1[ac-hj-np-z02-9]{25,62}|[13][a-km-zA-HJ-NP-Z1-9]{25,34})(?!\w)")
_ETH = re.compile(r"(?<!\w)0x[a-fA-F0-9]{40}(?!\w)")
_OTHER_COIN = re.compile(
    r"(?<!\w)(?:ltc1[ac-hj-np-z02-9]{30,62}|[48][1-9A-HJ-NP-Za-km-z]{94}|r[1-9A-HJ-NP-Za-km-z]{26,34}(?=\W)|addr1[a-z0-9]{50,100}|T[1-9A-HJ-NP-Za-km-z]{33})(?!\w)"
)


def _judge_card(match: re.Match[str]) -> Found | None:
    number = digits(match.group())
    if len(set(number)) == 1 or number[0] == "0" or not checksums.luhn(number):
        return None
    grouped = match.group() != number
    score = 1.0 if number[0] in "3456" and (len(number) >= 14 or not grouped) else 0.6
    if "\n" in match.group() and (number[0] not in "3456" or len(number) < 15):
        return None
    return Found(match.start(), match.end(), score)


def _judge_iban(match: re.Match[str]) -> Found | None:
    """Take the longest prefix of the match whose check digits hold (a word may follow the number)."""
    text = match.group()
    end = len(text)
    while end >= 15:
        if checksums.iban(text[:end]):
            return Found(match.start(), match.start() + end, 1.0)
        cut = max(text.rfind(" ", 0, end), text.rfind("-", 0, end))
        if cut <= 0:
            return None
        end = cut
    return None


def _phone_score(text: str, number: str, groups: list[str], *, has_context: bool) -> float:
    """Score by shape: international prefix and context words first, then how it is grouped."""
    if text.lstrip("( ").startswith(("+", "00")) and len(number) >= 8:
        return 0.9
    if has_context:
        return 0.75
    if len(groups) == 1:
        return 0.4 if len(number) in {10, 11} else 0.0
    sizes = [len(g) for g in groups]
    if re.search(r"\d\.\d", text) and (len(groups) < 3 or sizes[0] > 4):
        return 0.2
    if text.startswith("("):
        return 0.7
    if len(groups) == 2:
        return (
            0.55
            if sizes in ([3, 4], [4, 6], [5, 6], [4, 7], [3, 7]) and (" " in text or "-" in text)
            else 0.35
        )
    if max(sizes) > 5 or any(s < 2 for s in sizes[1:]):
        return 0.3
    return 0.7


def _is_valid_phone(text: str, number: str) -> bool:
    """Whether the number is possible anywhere; international numbers must be possible where they say."""
    import phonenumbers

    if text.startswith("+"):
        try:
            return phonenumbers.is_possible_number(phonenumbers.parse(" ".join(text.split()), None))
        except phonenumbers.NumberParseException:
            return False
    return 7 <= len(number) <= 15


def _judge_phone(match: re.Match[str]) -> Found | None:
    text = match.group().strip()
    start = match.start() + len(match.group()) - len(match.group().lstrip())
    body = _EXTENSION.split(text)[0]
    number = digits(body)
    if "\n\n" in text or not 7 <= len(number) <= 15 or _DATE_LIKE.match(text) or len(set(number)) == 1:
        return None
    source = match.string
    context = _PHONE_BEFORE.search(source, max(0, start - 40), start)
    if context is None and (
        _NOT_PHONE_BEFORE.search(source[max(0, start - 14) : start]) or text.count("\n") or "  " in text
    ):
        return None
    groups = re.findall(r"\d+", body)
    if len(groups) > 1 and all(len(g) == 4 and g[:2] in {"19", "20"} for g in groups):
        return None
    if body.count("(") != body.count(")") and not body.startswith("("):
        return None
    score = _phone_score(text, number, groups, has_context=context is not None)
    if score >= 0.5 and not _is_valid_phone(text, number):
        score = 0.4 if score < 0.9 else 0.6
    if score < 0.3:
        return None
    return Found(start, start + len(text), score)


def _judge_spoken(match: re.Match[str]) -> Found | None:
    """Digits in words are a telephone number unless somebody counts."""
    words = re.findall(r"[a-z]+", match.group().lower())
    ranks = [_DIGIT_WORDS.index(w) for w in words]
    steps = {b - a for a, b in itertools.pairwise(ranks)}
    return None if len(steps) == 1 else Found(match.start(), match.end(), 0.8)


def _checked(
    check: Callable[[str], bool], score: float, *, group: int = 0, keep_letters: bool = False
) -> Judge:
    def judge(match: re.Match[str]) -> Found | None:
        raw = match.group(group)
        value = "".join(c for c in raw if c.isalnum()) if keep_letters else digits(raw)
        return Found(match.start(group), match.end(group), score) if check(value) else None

    return judge


NUMBERS: tuple[Recognizer, ...] = (
    Recognizer(
        "card", "CREDIT_CARD", 1, 1.0, _CARD, r"\d(?:[ \n-]?\d){11}",
        must=("pay with «4539 1488 0343 6467» now", "«371449635398431»"),
        must_not=("4539 1488 0343 6468", "0000000000000"), judge=_judge_card,
    ),
    Recognizer(
        "card_labelled", "CREDIT_CARD", 1, 0.7, _CARD_CONTEXT, r"\d(?:[ -]?\d){11}",
        must=("my card is «5018 1234 5678 9»",), must_not=("card 12345",), group=1,
    ),
    Recognizer(
        "ssn", "SSN", 1, 0.95, _SSN, r"\d{3}[^\w\n]\d{2}[^\w\n]\d{4}",
        must=("it is «512-48-2291».",), must_not=("000-12-3456", "912-48-2291", "512-48-22910"),
    ),
    Recognizer(
        "ssn_labelled", "SSN", 1, 0.95, _SSN_CONTEXT, r"(?i)(?:ssn|social|tax|itin)",
        must=("SSN: «512482291»",), must_not=("social media 2023",), group=1,
    ),
    Recognizer(
        "iban", "IBAN", 1, 1.0, _IBAN, r"(?i)[a-z]{2}\d{2}[ -]?[a-z0-9]{4}",
        must=("to «GB82 WEST 1234 5698 7654 32» please", "«de89370400440532013000»"),
        must_not=("GB82 WEST 1234 5698 7654 33",), judge=_judge_iban,
    ),
    Recognizer(
        "iban_labelled", "IBAN", 1, 0.7, _IBAN_CONTEXT, r"(?i)iban",
        must=("IBAN: «GB82WEST12345698765433»",), must_not=("the iban format has letters",), group=1,
    ),
    Recognizer(
        "phone", "PHONE", 2, 0.7, _PHONE, r"\d[\d().\-\s/·–‑]{5}",
        must=("call «(212) 555-0142» today", "«+32 470 12 34 56»", "text me on «0470123456»", "«0470 12 34 56»", "«+32 470 12 34 56» / 2"),
        must_not=("2019-03-12", "from 1999-2004", "3.14159265", "ISBN 978-3-16-148410-0"), judge=_judge_phone,
    ),
    Recognizer(
        "phone_spoken", "PHONE", 1, 0.8, _PHONE_SPOKEN, r"(?i)" + _DIGIT_WORD + r"[ ,.-]{1,2}" + _DIGIT_WORD + r"[ ,.-]{1,2}" + _DIGIT_WORD,
        must=("ring «two one two, five five five, oh one four two» ok",),
        must_not=("one two three four five six seven eight nine", "nine eight seven six five four three"), judge=_judge_spoken,
    ),
    Recognizer(
        "phone_encoded", "PHONE", 1, 0.9, _PHONE_ENCODED, r"(?i)%2B\d",
        must=("?tel=«%2B32%20470%2012%2034%2056»&x",), must_not=("a%2B2",),
    ),
    Recognizer(
        "nino", "SSN", 1, 0.8, _NINO, r"[A-Z]{2}\s?\d{2}\s?\d{2}\s?\d{2}\s?[A-D]",
        must=("NI «QQ 12 34 56 C»".replace("QQ", "JK"),), must_not=("BG123456A",),
    ),
    Recognizer(
        "nhs", "ID", 1, 0.95, _NHS, r"(?i)nhs",
        must=("NHS number «943 476 5919»",), must_not=("NHS number 943 476 5918",),
        judge=_checked(checksums.nhs, 0.95, group=1),
    ),
    Recognizer(
        "aadhaar", "ID", 1, 0.9, _AADHAAR, r"\d{4}[ -]\d{4}[ -]\d{4}",
        must=("«2341 2341 2346»",), must_not=("2341 2341 2345",), judge=_checked(checksums.verhoeff, 0.9),
    ),
    Recognizer(
        "pan", "ID", 1, 0.7, _PAN, r"[A-Z]{5}\d{4}[A-Z]",
        must=("PAN «ABCPE1234F»",), must_not=("ABCDE12345",),
    ),
    Recognizer(
        "cpf", "ID", 1, 0.95, _CPF, r"\d{3}\.\d{3}\.\d{3}-\d{2}",
        must=("CPF «529.982.247-25»",), must_not=("529.982.247-26",), judge=_checked(checksums.cpf, 0.95),
    ),
    Recognizer(
        "dni", "ID", 1, 0.85, _DNI, r"\d{7,8}-?[A-Za-z]",
        must=("DNI «12345678Z»",), must_not=("12345678A",), judge=_checked(checksums.dni, 0.85, keep_letters=True),
    ),
    Recognizer(
        "pesel", "ID", 1, 0.95, _PESEL, r"(?i)pesel",
        must=("PESEL «44051401359»",), must_not=("PESEL 44051401358",),
        judge=_checked(checksums.pesel, 0.95, group=1),
    ),
    Recognizer(
        "codice_fiscale", "ID", 1, 0.9, _CODICE, r"(?i)[a-z]{6}\d{2}[a-z]\d{2}[a-z]\d{3}[a-z]",
        must=("«RSSMRA85T10A562S»",), must_not=("RSSMRA85X10A562S",),
    ),
    Recognizer(
        "nir", "SSN", 1, 0.6, _NIR, r"[12]\s?\d{2}\s?[01]\d\s?\d[\dAB]\s?\d{3}\s?\d{3}\s?\d{2}",
        must=("«2 55 08 14 168 025 38»",), must_not=("3 55 08 14 168 025 38",),
    ),
    Recognizer(
        "vin", "ID", 1, 0.9, _VIN, r"[A-HJ-NPR-Z0-9]{17}",
        must=("VIN «1M8GDM9AXKP042788»",), must_not=("1M8GDM9A1KP042788",),
        judge=_checked(checksums.vin, 0.9, keep_letters=True),
    ),
    Recognizer(
        "bitcoin", "CRYPTO", 1, 0.9, _BTC, r"(?:bc1|[13])[a-zA-Z0-9]{25}",
        must=("to «1BoatSLRHtKNngkdXEeobR76b53LETtpyT»",), must_not=("bc1short",),
    ),
    Recognizer(
        "ethereum", "CRYPTO", 1, 0.95, _ETH, r"0x[a-fA-F0-9]{40}",
        must=("«0x52908400098527886E0F7030069857D2E4169EE7»",), must_not=("0xdeadbeef",),
    ),
    Recognizer(
        "other_coin", "CRYPTO", 1, 0.7, _OTHER_COIN, r"(?:ltc1|addr1|[48rT])[a-zA-Z0-9]{26}",
        must=("«ltc1qw508d6qejxtdg4y5r3zarvary0c5xw7kgmn4n9»",), must_not=("ltc1 price",),
    ),
)  # fmt: skip
"""Recognisers of this module."""
