"""Check digits of public numbering schemes, each a few lines from its public specification."""

from __future__ import annotations

_VERHOEFF_D = (
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
)
_VERHOEFF_P = (
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
)
_VIN_VALUES = dict(
    zip("ABCDEFGHJKLMNPRSTUVWXYZ", (*range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True)
)
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def luhn(number: str) -> bool:
    """Payment cards and others. Source: ISO/IEC 7812-1."""
    total = 0
    for index, char in enumerate(reversed(number)):
        value = int(char)
        if index % 2:
            value = value * 2 - 9 * (value > 4)
        total += value
    return total % 10 == 0


def iban(value: str) -> bool:
    """Bank accounts, mod 97. Source: ISO 13616."""
    compact = "".join(c for c in value.upper() if c.isalnum())
    if not 15 <= len(compact) <= 34:
        return False
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def verhoeff(number: str) -> bool:
    """Aadhaar numbers. Source: J. Verhoeff, Error Detecting Decimal Codes (1969)."""
    check = 0
    for index, char in enumerate(reversed(number)):
        check = int(_VERHOEFF_D[check][int(_VERHOEFF_P[index % 8][int(char)])])
    return check == 0


def nhs(number: str) -> bool:
    """NHS numbers, mod 11. Source: NHS Data Dictionary."""
    total = sum(int(c) * w for c, w in zip(number[:9], range(10, 1, -1), strict=True))
    return (11 - total % 11) % 11 == int(number[9])


def cpf(number: str) -> bool:
    """Brazilian CPF, two check digits mod 11. Source: Receita Federal."""
    if len(set(number)) == 1:
        return False
    for size in (9, 10):
        total = sum(int(c) * w for c, w in zip(number[:size], range(size + 1, 1, -1), strict=True))
        if (total * 10 % 11) % 10 != int(number[size]):
            return False
    return True


def dni(value: str) -> bool:
    """Spanish DNI and NIE, letter mod 23. Source: Ministerio del Interior."""
    body = value[:-1].upper().replace("X", "0").replace("Y", "1").replace("Z", "2")
    return _DNI_LETTERS[int(body) % 23] == value[-1].upper()


def pesel(number: str) -> bool:
    """Polish PESEL, weights 1 3 7 9. Source: Ministerstwo Cyfryzacji."""
    weights = (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)
    return sum(int(c) * w for c, w in zip(number, weights, strict=True)) % 10 == 0


def vin(value: str) -> bool:
    """Vehicle identification numbers, check digit mod 11. Source: 49 CFR 565."""
    text = value.upper()
    total = sum(
        (int(c) if c.isdigit() else _VIN_VALUES[c]) * w for c, w in zip(text, _VIN_WEIGHTS, strict=True)
    )
    return "0123456789X"[total % 11] == text[8]
