"""Check digits of cards, bank accounts and vehicles."""

from __future__ import annotations


def with_luhn(body: str) -> str:
    """Append the Luhn check digit (ISO/IEC 7812-1)."""
    total = 0
    for i, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if i % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return f"{body}{-total % 10}"


def with_iban_check(country: str, bban: str) -> str:
    """Put country and check digits (ISO 13616, mod 97) before a basic account number."""
    number = int("".join(str(int(c, 36)) for c in f"{bban}{country}00"))
    return f"{country}{98 - number % 97:02}{bban}"


def with_vin_check(vin: str) -> str:
    """Set the ninth character of a vehicle identification number to its check digit."""
    values = dict(
        zip(
            "ABCDEFGHJKLMNPRSTUVWXYZ",
            (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9),
            strict=True,
        )
    )
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    total = sum((values.get(c) or int(c)) * w for c, w in zip(vin, weights, strict=True))
    return f"{vin[:8]}{'0123456789X'[total % 11]}{vin[9:]}"
