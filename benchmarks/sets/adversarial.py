"""Personal data that hides: spelled out, split, in code and markup, look-alike letters, odd spacing."""

from __future__ import annotations

import random
import urllib.parse
from calendar import month_name

from benchmarks.sets import people
from benchmarks.sets.draft import Filler, Record, fill_rounds

N_ROUNDS = 6
_ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff"
_SHAPES = {"a": "а", "e": "е", "o": "о", "c": "с", "p": "р", "x": "х", "i": "і"}


def _spelled_mail(rng: random.Random) -> str:
    user, host = people.mail(rng).replace("_", ".").split("@")
    host = host.replace(".example", ".com").replace(".co.uk", ".org")
    at = rng.choice([" at ", " [at] ", "(at)", " (at) ", " AT ", "[@]", " {at} "])
    dot = rng.choice([" dot ", " [dot] ", "(dot)", " (dot) ", "[.]", " DOT "])
    return user.replace(".", rng.choice([dot, "."])) + at + host.replace(".", dot)


def _sprinkled(make: Filler) -> Filler:
    def filler(rng: random.Random) -> str:
        value = make(rng)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(1, len(value))
            value = value[:at] + rng.choice(_ZERO_WIDTH) + value[at:]
        return value

    return filler


def _look_alike(make: Filler) -> Filler:
    def filler(rng: random.Random) -> str:
        value = make(rng)
        return "".join(_SHAPES.get(c, c) if rng.random() < 0.35 else c for c in value)

    return filler


def _wide(make: Filler) -> Filler:
    def filler(rng: random.Random) -> str:
        return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in make(rng))

    return filler


def phone(rng: random.Random) -> str:
    """Return a phone number of some country, in some style."""
    d = lambda n: "".join(rng.choices("0123456789", k=n))  # noqa: E731
    n = lambda: rng.choice("23456789")  # noqa: E731
    return rng.choice(
        [
            lambda: f"({n()}{d(2)}) {n()}{d(2)}-{d(4)}",
            lambda: f"{n()}{d(2)}-{n()}{d(2)}-{d(4)}",
            lambda: f"+44 7{d(3)} {d(6)}",
            lambda: f"+49 1{rng.choice('567')}{d(1)} {d(7)}",
            lambda: f"+91 9{d(4)} {d(5)}",
            lambda: f"+33 6 {d(2)} {d(2)} {d(2)} {d(2)}",
            lambda: f"0{rng.choice('67')} {d(2)} {d(2)} {d(2)} {d(2)}",
            lambda: f"+1{n()}{d(2)}{n()}{d(6)}",
            lambda: f"{n()}{d(2)}.{n()}{d(2)}.{d(4)}",
        ]
    )()


def _spaced_phone(rng: random.Random) -> str:
    return " ".join(c for c in phone(rng) if c.isdigit())


def _word_phone(rng: random.Random) -> str:
    words = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    return rng.choice([" ", "-", ", "]).join(words[int(c)] for c in phone(rng) if c.isdigit())


def card(rng: random.Random) -> str:
    """Return a card number whose check digit holds."""
    number = rng.choice(["4", "51", "55", "37"])
    number += "".join(rng.choices("0123456789", k=(14 if number == "37" else 15) - len(number)))
    total = sum((int(c) * 2 - 9 * (int(c) > 4)) if i % 2 == 0 else int(c) for i, c in enumerate(reversed(number)))  # fmt: skip
    number += str(-total % 10)
    step = rng.choice([0, 4])
    return " ".join(number[i : i + 4] for i in range(0, len(number), 4)) if step else number


def ssn(rng: random.Random) -> str:
    """Return a social security number."""
    return (
        f"{rng.randint(100, 665)}{rng.choice('- ')}{rng.randint(10, 99)}-{rng.randint(1000, 9999)}".replace(
            " ", "-"
        )
    )


def iban(rng: random.Random) -> str:
    """Return an account number whose check digits hold."""
    country, n = rng.choice([("DE", 18), ("NL", 14), ("ES", 20), ("FR", 23)])
    body = ("ABNA" if country == "NL" else "") + "".join(
        rng.choices("0123456789", k=n - 4 * (country == "NL"))
    )
    digits = "".join(str(int(c, 36)) for c in body + country + "00")
    value = f"{country}{98 - int(digits) % 97:02d}{body}"
    return rng.choice([value, " ".join(value[i : i + 4] for i in range(0, len(value), 4))])


def _ip(rng: random.Random) -> str:
    return ".".join(str(rng.randint(11, 240)) for _ in range(4))


def _street(rng: random.Random) -> str:
    name = rng.choice(["Quarry", "Heron", "Old Mill", "Saint Brigid", "Marigold", "Kestrel", "Foundry"])
    kind = rng.choice(["Street", "Ave", "Lane", "Rd", "Court", "Boulevard", "Drive"])
    town = rng.choice(["Ashgrove", "Millbrook", "Port Ellery", "Dunwick"])
    number = rng.randint(2, 9900)
    return rng.choice(
        [
            f"{number} {name} {kind}",
            f"{number} {name} {kind}, {town}, {rng.choice(['OH', 'TX', 'ME'])} {rng.randint(10000, 99999)}",
            f"{number} {name} {kind}, Apt {rng.randint(1, 40)}",
            f"{name}straße {rng.randint(1, 180)}, {rng.randint(10000, 99999)} {town}".replace("Old Mill", "Mühlen").replace("Saint Brigid", "Garten"),
        ]
    )  # fmt: skip


def _birth(rng: random.Random) -> str:
    y, m, d = rng.randint(1945, 2012), rng.randint(1, 12), rng.randint(1, 28)
    month = month_name[m]
    return rng.choice(
        [
            f"{m:02d}/{d:02d}/{y}",
            f"{y}-{m:02d}-{d:02d}",
            f"{d} {month} {y}",
            f"{month} {d}, {y}",
            f"{d}.{m}.{y}",
        ]
    )


def _encoded(make: Filler) -> Filler:
    return lambda rng: urllib.parse.quote(make(rng), safe="")


SLOTS: dict[str, tuple[str, Filler]] = {
    "person": ("PERSON", people.full),
    "given": ("PERSON", people.given),
    "login": ("USERNAME", people.login),
    "mail": ("EMAIL", people.mail),
    "spelled": ("EMAIL", _spelled_mail),
    "zmail": ("EMAIL", _sprinkled(people.mail)),
    "zperson": ("PERSON", _sprinkled(people.full)),
    "cmail": ("EMAIL", _look_alike(people.mail)),
    "cperson": ("PERSON", _look_alike(people.full)),
    "wmail": ("EMAIL", _wide(people.mail)),
    "wphone": ("PHONE", _wide(phone)),
    "emailenc": ("EMAIL", _encoded(people.mail)),
    "phone": ("PHONE", phone),
    "sphone": ("PHONE", _spaced_phone),
    "wordphone": ("PHONE", _word_phone),
    "card": ("CREDIT_CARD", card),
    "zcard": ("CREDIT_CARD", _sprinkled(card)),
    "ssn": ("SSN", ssn),
    "iban": ("IBAN", iban),
    "ip": ("IP", _ip),
    "street": ("ADDRESS", _street),
    "birth": ("DATE_OF_BIRTH", _birth),
    "path": ("PATH", people.login),
}  # fmt: skip
TEMPLATES = [
    "reach me at {spelled} thanks",
    "contact: {spelled}",
    "my addr is {zmail} ok",
    "signed, {zperson}",
    "My colleague {cperson} wrote to {cmail}",
    "mail {wmail} or ring {wphone}",
    "https://norvane.example/unsubscribe?email={emailenc}&v=2",
    '{"user": {"name": "{person}", "email": "{mail}", "phone": "{phone}"}}',
    '[{"full_name":"{person}","dob":"{birth}","ssn":"{ssn}"}]',
    "name,email,phone\n{person},{mail},{phone}\n{person},{mail},{phone}",
    "id;name;iban\n1;{person};{iban}\n2;{person};{iban}",
    "| name | phone |\n|---|---|\n| {person} | {phone} |\n| {person} | {phone} |",
    "INSERT INTO users (name, mail) VALUES ('{person}', '{mail}');",
    "# author: {person} <{mail}>\ndef main():\n    pass",
    "user = User(first='{given}', email='{mail}')  # test account",
    "ping {ip} times out but {ip} answers",
    "{ip} - - [12/Mar/2024:10:01:22 +0000] \"GET /u/{login} HTTP/1.1\" 200",
    "pay with {card} exp 09/27",
    "card no {zcard}",
    "my social is {ssn}, is that safe to share?",
    "wire it to {iban} today",
    "call {sphone}",
    "my number is {wordphone}",
    "ring me: {phone} / {phone}",
    "ship to {person}, {street}",
    "I live at {street} and the bus never comes",
    "lives at {street}; born {birth}",
    "DOB {birth}",
    "patient born on {birth}, lives with {given}",
    "<p>Contact <b>{person}</b> at <a href=\"mailto:{mail}\">{mail}</a></p>",
    "BEGIN:VCARD\nFN:{person}\nTEL:{phone}\nEMAIL:{mail}\nEND:VCARD",
    "name: {person}\nemail: {mail}\ntel: {phone}",
    "**Name:** {person}  \n**Phone:** {phone}",
    "To: {mail}\nCc: {mail}\nSubject: hi",
    "C:\\Users\\{path}\\Documents\\cv.docx won't open",
    "ssh deploy@{ip}",
    "{person}'s number: {phone}, backup {mail}",
    "Re: {person} ({birth})",
    "Employee: {person} | SSN: {ssn} | Acct: {iban}",
    "// NOTE({login}): remove before release",
]  # fmt: skip


def generate(seed: int) -> list[Record]:
    """Return texts with one to six hidden items."""
    return fill_rounds("adversarial", TEMPLATES, SLOTS, seed, N_ROUNDS)
