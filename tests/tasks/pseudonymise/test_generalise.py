"""The participants table: k is reached, nobody gets finer than before, typed answers never show."""

import math

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import DataError
from schemas.fields import PARTICIPANTS
from tasks.pseudonymise.generalise import generalise_participants
from tasks.pseudonymise.k_report import count_classes
from tasks.pseudonymise.ladder import COLUMNS, LADDER, LAST, TEMPLATES, WIDER_AGE, released_level

ANSWERS = {
    "age": ["19", "23", "28", "44", "71", "2", None],
    "gender": ["Female", "male ", "Non-binary", "Prefer not to say", None],
    "education": ["Graduate", "Undergraduate", "High school", "", None],
    "occupation": ["Nurse", "student", "retired", "Falconer", None],
    "frequency": ["5", "3", "daily", None],
    "purposes": ["Work", "Learning, coding", "", None],
}
MODELS = [("OpenAI", "GPT-5.4"), ("OpenAI", "gpt-oss"), ("xAI", "Grok"), (None, "local")]
CHOICES = {
    **{f"survey_{name}": values for name, values in ANSWERS.items()},
    "model": MODELS,
    "language": ["en", "en", "en", "de", "und"],
}


def person(number):
    """One of all possible persons, by number."""
    found = {}
    for name, values in CHOICES.items():
        number, place = divmod(number, len(values))
        found[name] = values[place]
    return found


crowds = st.lists(st.integers(0, math.prod(map(len, CHOICES.values())) - 1).map(person), max_size=40)
SCHEMA = dict.fromkeys(
    ("participant_id", "model_provider", "model_name", "language", *(f"survey_{n}" for n in ANSWERS)),
    pl.String,
)


def conversations_of(people):
    rows = [
        {**{k: v for k, v in p.items() if k != "model"}, "participant_id": f"user{i}",
         "model_provider": p["model"][0], "model_name": p["model"][1]}
        for i, p in enumerate(people)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=SCHEMA)


def run(people, k=3, policy="strict", parent=None, conversations=None):
    table = conversations_of(people) if conversations is None else conversations
    ids = table.select("participant_id", split=pl.lit("train")).unique()
    return generalise_participants(table, ids, {}, k=k, policy=policy, version="v1.0.0", parent=parent)


def apply(conversations, made):
    """Conversations as a release would show them."""
    joined = conversations.join(made.withheld, on="participant_id", how="left", suffix="_new")
    is_coarse = pl.col("model_name_new").is_not_null()
    return joined.with_columns(
        model_provider=pl.when(is_coarse).then("model_provider_new").otherwise("model_provider"),
        model_name=pl.coalesce("model_name_new", "model_name"),
        language=pl.coalesce("language_new", "language"),
    )


@settings(deadline=None, max_examples=25)
@given(crowds, st.integers(1, 7))
def test_every_combination_is_shared_by_k(people, k):
    made = run(people, k)
    sizes = count_classes(made.participants, apply(conversations_of(people), made))
    assert sum(sizes) == len(people)
    if len(people) >= k:
        assert min(sizes, default=k) >= k
        assert made.report["is_satisfied"]
    else:
        assert made.report["is_satisfied"] is (not people)
        assert made.participants.select(
            c for c in COLUMNS if c not in {"model", "language"}
        ).null_count().sum_horizontal().sum() == 4 * len(people)
    assert made.report["k"] == min(sizes, default=0)
    assert sum(b["n_participants"] for b in made.report["class_sizes"]) == len(people)


@settings(deadline=None, max_examples=10)
@given(crowds, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(people, random):
    table = conversations_of(people)
    order = list(range(table.height))
    random.shuffle(order)
    first, second = run(people), run(people, conversations=table[order])
    assert first.participants.equals(second.participants)
    assert first.withheld.equals(second.withheld)
    assert first.report == second.report


@settings(deadline=None, max_examples=15)
@given(crowds, crowds, st.integers(1, 4), st.integers(1, 4))
def test_nobody_gets_finer_than_in_the_parent(people, newcomers, k_before, k_after):
    before = run(people, k_before)
    shown = apply(conversations_of(people), before).unique("participant_id")
    parent = before.participants.join(
        shown.select("participant_id", "model_provider", "model_name"), on="participant_id", how="left"
    )
    after = run([*people, *newcomers], k_after, parent=parent)
    both = before.participants.join(after.participants, on="participant_id", suffix="_after")
    assert both.height == len(people)
    for i, column in enumerate(COLUMNS):
        if column == "model":
            continue
        levels = both.select(
            was=released_level(i, pl.col(column)), now=released_level(i, pl.col(f"{column}_after"))
        )
        assert (levels["now"] >= levels["was"]).all(), column
    held = set(before.withheld.filter(pl.col("model_name").is_not_null())["participant_id"])
    assert held <= set(after.withheld.filter(pl.col("model_name").is_not_null())["participant_id"])


@settings(deadline=None, max_examples=10)
@given(crowds)
def test_the_table_has_its_schema_and_one_row_a_participant(people):
    for policy in ("strict", "as-published"):
        made = run(people, policy=policy)
        assert made.participants.schema == PARTICIPANTS.polars_schema()
        assert made.participants["participant_id"].to_list() == sorted(f"user{i}" for i in range(len(people)))
        assert "Falconer" not in str(made.participants.rows())


def test_as_published_suppresses_nothing_but_measures():
    people = [
        {"survey_age": "28", "survey_gender": "Female", "survey_education": "Graduate", "survey_occupation": "Nurse",
         "survey_frequency": "5", "survey_purposes": "Learning and coding", "model": MODELS[0], "language": "en"},
    ]  # fmt: skip
    made = run(people, k=5, policy="as-published")
    row = made.participants.row(0, named=True)
    assert row == {
        "participant_id": "user0", "age_band": "25-34", "gender": "female", "education": "graduate",
        "occupation_group": "healthcare", "ai_use_frequency": "5", "purposes": ["coding", "learning"],
        "language": "en", "n_conversations": 1, "first_release": "v1.0.0", "split": "train",
    }  # fmt: skip
    assert made.report["k"] == 1
    assert not made.report["is_satisfied"]
    assert made.withheld.is_empty()


def test_a_crowd_keeps_its_answers_and_a_loner_loses_them():
    one = {"survey_age": "28", "survey_gender": "Female", "survey_education": "Graduate", "survey_occupation": "Nurse",
           "survey_frequency": "5", "survey_purposes": "Work", "model": MODELS[0], "language": "en"}  # fmt: skip
    loner = one | {"survey_occupation": "student", "survey_age": "70"}
    crowd = [one] * 12
    made = run([*crowd, *[loner | {"survey_age": "30"}] * 2], k=5)
    assert made.report["attributes"]["occupation_group"]["n_suppressed"] == 5
    assert (made.participants["age_band"] == "25-34").all()
    assert made.withheld.is_empty()


def test_first_release_and_split_are_taken_over():
    table = conversations_of([])
    table = pl.concat(
        [
            table,
            pl.DataFrame({n: ["user1" if n == "participant_id" else None] for n in SCHEMA}, schema=SCHEMA),
        ]
    )
    table = table.with_columns(model_name=pl.lit("m"))
    ids = pl.DataFrame({"participant_id": ["user1"], "split": ["test"]})
    made = generalise_participants(table, ids, {"user1": "v0.9.0"}, k=1, policy="strict", version="v1.0.0")
    assert made.participants.select("first_release", "split").row(0) == ("v0.9.0", "test")
    with pytest.raises(DataError, match="1 participants"):
        generalise_participants(table, ids.clear(), {}, k=1, policy="strict", version="v1.0.0")


def test_two_answers_of_one_participant_are_counted_and_settled_by_majority():
    people = [{"survey_age": a, "survey_gender": "Female", "survey_education": None, "survey_occupation": None,
               "survey_frequency": None, "survey_purposes": None, "model": MODELS[0], "language": "en"}
              for a in ("20", "30", "30")]  # fmt: skip
    table = conversations_of(people).with_columns(participant_id=pl.lit("user1"))
    made = run(None, k=1, conversations=table)
    assert made.participants["age_band"].to_list() == ["25-34"]
    assert made.participants["n_conversations"].to_list() == [3]
    assert made.report["n_conflicting_answers"] == 1


def test_the_ladder_is_well_formed():
    assert TEMPLATES[0] == (0,) * len(LADDER)
    assert TEMPLATES[-1] == LAST
    assert len(TEMPLATES) == 324
    for step in LADDER:
        assert len(step.worth) == len(step.levels)
        assert list(step.worth) == sorted(step.worth, reverse=True)
    assert set(WIDER_AGE.values()) == {"18-34", "35-54", "55+"}
