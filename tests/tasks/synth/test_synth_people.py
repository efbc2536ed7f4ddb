"""Planted personal data is valid where validity can be checked."""

import random
import re

import phonenumbers
import pytest

from tasks.synth.checksums import with_iban_check, with_luhn, with_vin_check
from tasks.synth.people import TYPE_WEIGHTS, Person, load_people_words, split_home

PEOPLE = [Person(load_people_words(), 1, n) for n in range(1500)]


def surfaces(kind):
    return [p.surface(kind, random.Random(0)) for p in PEOPLE]


def test_known_check_digits():
    assert with_luhn("7992739871") == "79927398713"
    assert with_iban_check("GB", "NWBK60161331926819") == "GB29NWBK60161331926819"
    assert with_vin_check("1M8GDM9A_KP042788".replace("_", "0")) == "1M8GDM9AXKP042788"


def test_a_path_is_cut_after_the_home_folder():
    assert split_home("/home/noa/notes/plan.txt") == ("/home/noa", "/notes/plan.txt")
    assert split_home("C:\\Users\\Noa\\Desktop\\draft.docx") == ("C:\\Users\\Noa", "\\Desktop\\draft.docx")


def test_cards_have_a_valid_check_digit():
    for card in surfaces("CREDIT_CARD"):
        digits = re.sub(r"\D", "", card)
        assert with_luhn(digits[:-1]) == digits


def test_phones_are_numbers_that_the_numbering_plans_accept():
    for phone in surfaces("PHONE"):
        region = "GB" if phone.startswith("020") else "US"
        assert phonenumbers.is_valid_number(phonenumbers.parse(phone, region)), phone


def test_social_security_numbers_are_assignable():
    for number in surfaces("SSN"):
        assert re.fullmatch(r"(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}", number)


def test_a_person_keeps_the_same_data():
    assert Person(load_people_words(), 1, 7).surface("EMAIL", random.Random(1)) == PEOPLE[7].surface(
        "EMAIL", random.Random(2)
    )


@pytest.mark.parametrize("kind", [k for k in TYPE_WEIGHTS if k not in {"LOCATION", "GPS"}])
def test_pools_are_wide(kind):
    assert len(set(surfaces(kind))) > 100
