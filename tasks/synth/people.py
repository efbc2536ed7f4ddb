"""Invented persons: one consistent set of personal data per participant, from own pools and formats.

Numbers that carry a checksum carry a valid one; telephone numbers lie in ranges that numbering plans
accept; mail addresses and sites use the domains reserved for examples (RFC 2606).
"""

from __future__ import annotations

import base64
import random
import re
import string
import unicodedata
from calendar import month_name
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import Any

from tasks.synth.checksums import with_iban_check, with_luhn, with_vin_check
from tasks.synth.phrasebook import read_words

_HEX = "0123456789abcdef"
_ALNUM = string.ascii_letters + string.digits
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_VIN = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"

TYPE_WEIGHTS: Mapping[str, int] = {
    "PERSON": 30, "EMAIL": 10, "PHONE": 10, "ADDRESS": 8, "LOCATION": 5, "CREDIT_CARD": 3, "IBAN": 3,
    "SSN": 2, "ID": 5, "DATE_OF_BIRTH": 4, "SECRET": 5, "URL": 4, "USERNAME": 4, "IP": 3, "CRYPTO": 1,
    "GPS": 1, "PATH": 2, "OTHER": 1,
}  # fmt: skip
"""How often each type of personal data is planted, relative to the others."""


@lru_cache(maxsize=1)
def load_people_words() -> Mapping[str, Any]:
    """Return the names, places, formats and carrier sentences of this package."""
    return read_words("people")


class Person:
    """One invented person; every attribute is drawn once and stays."""

    def __init__(self, words: Mapping[str, Any], seed: int, number: int) -> None:
        self.words = words
        self._name = f"person:{seed}:{number}"
        rng = random.Random(self._name)
        pool = words["names"][rng.choice(sorted(words["names"]))]
        self.first_name: str = rng.choice(pool["first"])
        self.last_name: str = rng.choice(pool["last"])
        self._held: dict[str, str] = {}

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    @cached_property
    def ascii_name(self) -> tuple[str, str]:
        """First and last name as they stand in addresses: lower case, a to z."""
        return _fold(self.first_name), _fold(self.last_name)

    def surface(self, kind: str, rng: random.Random) -> str:
        """Return a piece of this person's data of one span type.

        Args:
            kind: span type, one of `TYPE_WEIGHTS`.
            rng: chooses the way of writing; the data itself is the person's own.
        """
        if kind == "PERSON":
            return rng.choice(
                (self.full_name, self.full_name, self.full_name, self.first_name, self.full_name.lower())
            )
        if kind not in self._held:
            # an own source for each type: what a person is does not depend on what was asked first
            self._held[kind] = _MAKERS[kind](self, random.Random(f"{self._name}:{kind}"))
        return self._held[kind]

    def recruitment_id(self) -> str:
        """Return the recruitment platform's id: 24 hexadecimal characters."""
        if "recruitment" not in self._held:
            self._held["recruitment"] = _prolific(random.Random(f"{self._name}:recruitment"))
        return self._held["recruitment"]


def _email(person: Person, r: random.Random) -> str:
    first, last = person.ascii_name
    local = r.choice(
        (f"{first}.{last}", f"{first[0]}{last}{r.randint(2, 99)}", f"{last}_{first}", f"{first}+chat")
    )
    return f"{local}@{r.choice(person.words['domains'])}"


def _phone(person: Person, r: random.Random) -> str:
    d = _digits
    return r.choice(
        (
            f"({r.choice((212, 415, 617, 503))}) 555-01{d(r, 2)}",
            f"+1 {r.choice((206, 312, 702))}-555-01{d(r, 2)}",
            f"020 7946 0{d(r, 3)}",
            f"+44 7400 {d(r, 6)}",
            f"+49 30 23125{d(r, 3)}",
            f"+33 6 12 {d(r, 2)} {d(r, 2)} {d(r, 2)}",
            f"+61 491 570 {r.choice((156, 157, 158, 159, 110))}",
            f"+55 11 9{r.randint(6, 9)}{d(r, 3)}-{d(r, 4)}",
            f"+234 803 {d(r, 3)} {d(r, 4)}",
            f"+91 98{d(r, 3)} {d(r, 5)}",
            f"+34 612 {d(r, 2)} {d(r, 2)} {d(r, 2)}",
            f"{r.choice((646, 312, 305))}.555.01{d(r, 2)}",
        )
    )


def _address(person: Person, r: random.Random) -> str:
    w = person.words
    return r.choice(
        (
            f"{r.randint(2, 990)} {r.choice(w['streets'])}, {r.choice(w['towns'])}, "
            f"{r.choice(w['states'])} {r.randint(10_000, 98_999)}",
            f"{r.randint(2, 180)} {r.choice(w['streets'])}, {r.choice(w['towns'])}",
            f"Apt {r.randint(1, 40)}, {r.randint(2, 990)} {r.choice(w['streets'])}",
            f"{r.choice(w['streets_de'])} {r.randint(1, 140)}, {r.randint(10_000, 98_999)} "
            f"{r.choice(w['towns_de'])}",
            f"{r.choice(w['streets_es'])} {r.randint(1, 90)}, {r.randint(10_000, 51_999)} "
            f"{r.choice(w['towns_es'])}",
            f"{r.randint(1, 120)} {r.choice(w['streets_fr'])}, {r.randint(10_000, 94_999)} "
            f"{r.choice(w['towns_fr'])}",
        )
    )


def _location(person: Person, r: random.Random) -> str:
    return r.choice([t for key in ("towns", "towns_de", "towns_es", "towns_fr") for t in person.words[key]])


def _card(person: Person, r: random.Random) -> str:
    prefix, length = r.choice((("4", 16), ("51", 16), ("2223", 16), ("37", 15), ("6011", 16)))
    number = with_luhn(prefix + _digits(r, length - len(prefix) - 1))
    if length == 15:
        return r.choice((number, f"{number[:4]} {number[4:10]} {number[10:]}"))
    joint = r.choice((" ", "-", ""))
    return joint.join(number[i : i + 4] for i in range(0, 16, 4))


def _iban(person: Person, r: random.Random) -> str:
    country, bban = r.choice(
        (
            ("DE", _digits(r, 18)),
            ("GB", "".join(r.choices(string.ascii_uppercase, k=4)) + _digits(r, 14)),
            ("NL", "".join(r.choices(string.ascii_uppercase, k=4)) + _digits(r, 10)),
            ("ES", _digits(r, 20)),
            ("FR", _digits(r, 23)),
            ("AT", _digits(r, 16)),
        )
    )
    iban = with_iban_check(country, bban)
    return r.choice((iban, " ".join(iban[i : i + 4] for i in range(0, len(iban), 4))))


def _ssn(person: Person, r: random.Random) -> str:
    area = r.choice([a for a in range(1, 900) if a != 666])
    return f"{area:03}-{r.randint(1, 99):02}-{r.randint(1, 9999):04}"


def _id(person: Person, r: random.Random) -> str:
    return r.choice(
        (
            _prolific(r),
            _prolific(r),
            "A" + "".join(r.choices(string.ascii_uppercase + string.digits, k=13)),
            f"MRN-{_digits(r, 8)}",
            f"CASE-{r.randint(2019, 2026)}-{_digits(r, 6)}",
        )
    )


def _birth(person: Person, r: random.Random) -> str:
    day, month, year = r.randint(1, 28), r.randint(1, 12), r.randint(1948, 2007)
    return r.choice(
        (
            f"{year}-{month:02}-{day:02}",
            f"{day:02}/{month:02}/{year}",
            f"{day} {month_name[month]} {year}",
            f"{month_name[month]} {day}, {year}",
            f"{day:02}.{month:02}.{year}",
        )
    )


def _secret(person: Person, r: random.Random) -> str:
    def token(n: int) -> str:
        return "".join(r.choices(_ALNUM, k=n))

    def part(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    jwt = ".".join((part('{"alg":"HS256","typ":"JWT"}'), part(f'{{"sub":"{_digits(r, 10)}"}}'), token(43)))
    return r.choice(
        (
            "sk-" + token(48),
            "ghp_" + token(36),
            "AKIA" + "".join(r.choices(string.ascii_uppercase + "234567", k=16)),
            "xoxb-" + _digits(r, 12) + "-" + token(24),
            jwt,
            f"postgres://{person.ascii_name[0]}:{token(14)}@db.example.com:5432/main",
            f"hf_{token(34)}",
            token(40),
        )
    )


def _url(person: Person, r: random.Random) -> str:
    first, last = person.ascii_name
    return r.choice(
        (
            f"https://www.example.com/in/{first}-{last}-{r.randint(10, 99)}",
            f"https://photos.example.org/u/{first}{last}/albums",
            f"https://docs.example.com/d/{''.join(r.choices(_ALNUM, k=28))}/edit?usp=sharing",
            f"https://chat.example.net/share/{_uuid(r)}",
            f"http://{first}{last}.example.org/cv",
        )
    )


def _handle(person: Person, r: random.Random) -> str:
    first, last = person.ascii_name
    return f"@{r.choice((first, last, first[0] + last))}{r.choice(person.words['handles'])}"


def _ip(person: Person, r: random.Random) -> str:
    if r.random() < 0.25:
        return "2001:db8:" + ":".join(f"{r.randrange(1, 65_536):x}" for _ in range(6))
    return (
        f"{r.choice((203, 198, 81, 93, 178))}.{r.randrange(1, 255)}.{r.randrange(256)}.{r.randrange(1, 255)}"
    )


def _crypto(person: Person, r: random.Random) -> str:
    return r.choice(("0x" + "".join(r.choices(_HEX, k=40)), _bitcoin(r)))


def _gps(person: Person, r: random.Random) -> str:
    return f"{r.uniform(-60, 60):.5f}, {r.uniform(-170, 170):.5f}"


def _path(person: Person, r: random.Random) -> str:
    first, last = person.ascii_name
    return r.choice(
        (
            f"/home/{first}/notes/plan.txt",
            f"/Users/{first}{last}/Documents/tax.pdf",
            f"C:\\Users\\{first.capitalize()}\\Desktop\\draft.docx",
        )
    )


def _other(person: Person, r: random.Random) -> str:
    if r.random() < 0.5:
        return with_vin_check("".join(r.choices(_VIN, k=17)))
    return f"{''.join(r.choices('ABCDEFGHJKLMNOPRSTUVWXY', k=2))}{_digits(r, 2)} {''.join(r.choices('ABCDEFGHJKLMNOPRSTUVWXY', k=3))}"


_MAKERS: Mapping[str, Callable[[Person, random.Random], str]] = {
    "EMAIL": _email, "PHONE": _phone, "ADDRESS": _address, "LOCATION": _location,
    "CREDIT_CARD": _card, "IBAN": _iban, "SSN": _ssn, "ID": _id,
    "DATE_OF_BIRTH": _birth, "SECRET": _secret, "URL": _url, "USERNAME": _handle,
    "IP": _ip, "CRYPTO": _crypto, "GPS": _gps, "PATH": _path, "OTHER": _other,
}  # fmt: skip


def choose_carrier(words: Mapping[str, Any], kind: str, language: str, rng: random.Random) -> tuple[str, str]:
    """Return what stands before and after a planted span: a sentence cut at its blank."""
    carriers: Mapping[str, Sequence[str]] = words["carriers"]
    if language != "en":
        own = words.get(f"carriers_{language}", {})
        carriers = {**carriers, **words["carriers_any"], **own}
    before, _, after = rng.choice(carriers[kind]).partition("{}")
    return before, after


def split_home(path: str) -> tuple[str, str]:
    """Cut a path after the home folder of its user."""
    home = re.match(r"(?:/home/|/Users/|C:\\Users\\)\w+", path)
    end = home.end() if home else len(path)
    return path[:end], path[end:]


def _digits(r: random.Random, n: int) -> str:
    return "".join(r.choices(string.digits, k=n))


def _prolific(r: random.Random) -> str:
    return f"{r.randrange(0x55000000, 0x68000000):08x}" + "".join(r.choices(_HEX, k=16))


def _uuid(r: random.Random) -> str:
    h = "".join(r.choices(_HEX, k=32))
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"


def _bitcoin(r: random.Random) -> str:
    """A segwit address with a valid bech32 checksum (BIP 173)."""
    data = [0, *(r.randrange(32) for _ in range(31)), 0]
    expanded = [3, 3, 0, 2, 3, *data, *([0] * 6)]
    check = 1
    for value in expanded:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for i, g in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= g if (top >> i) & 1 else 0
    check ^= 1
    return "bc1" + "".join(_BECH32[v] for v in data + [(check >> 5 * (5 - i)) & 31 for i in range(6)])


def _fold(name: str) -> str:
    table = str.maketrans({"ø": "o", "ð": "d", "þ": "th", "ı": "i", "ł": "l", "đ": "d", "ß": "ss", "æ": "ae"})
    folded = unicodedata.normalize("NFKD", name.lower().translate(table))
    return re.sub(r"[^a-z]", "", folded) or "user"
