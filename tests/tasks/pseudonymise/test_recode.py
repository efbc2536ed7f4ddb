"""Local recoding on numbers: k is reached, floors hold, nothing is coarser than it must be."""

from collections import Counter
from itertools import product

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.pseudonymise.recode import choose_levels

# two attributes with three levels (value, half, nothing) and one with two
N_LEVELS = (3, 3, 2)
TEMPLATES = sorted(product(*map(range, N_LEVELS)), key=lambda t: (sum(t), t))


def make_codes(values):
    table = np.array(values, np.int64).reshape(-1, 3)
    n = len(table)
    return [
        np.column_stack([10 + table[:, 0], 1 + table[:, 0] // 2, np.zeros(n, np.int64)]),
        np.column_stack([10 + table[:, 1], 1 + table[:, 1] // 2, np.zeros(n, np.int64)]),
        np.column_stack([10 + table[:, 2], np.zeros(n, np.int64)]),
    ]


def shown(codes, levels):
    return [tuple(int(c[i, lv]) for c, lv in zip(codes, row, strict=True)) for i, row in enumerate(levels)]


people = st.lists(st.tuples(*(st.integers(0, 3),) * 3), max_size=40)


@settings(deadline=None, max_examples=300)
@given(people, st.integers(1, 6), st.data())
def test_k_and_floors_hold(values, k, data):
    codes = make_codes(values)
    floors = np.array(
        data.draw(
            st.lists(
                st.tuples(*(st.integers(0, n - 1) for n in N_LEVELS)),
                min_size=len(values),
                max_size=len(values),
            )
        ),
        np.int64,
    ).reshape(-1, 3)
    levels = choose_levels(codes, floors, TEMPLATES, k)
    assert (levels >= floors).all()
    sizes = Counter(shown(codes, levels))
    if len(values) >= k:
        assert min(sizes.values(), default=k) >= k
    else:
        assert set(sizes) <= {(0, 0, 0)}


@settings(deadline=None, max_examples=100)
@given(people)
def test_one_is_always_enough_for_k_of_one(values):
    codes = make_codes(values)
    assert not choose_levels(codes, np.zeros((len(values), 3), np.int64), TEMPLATES, 1).any()


def test_a_rest_borrows_no_more_companions_than_it_needs():
    codes = make_codes([(0, 0, 0)] * 12 + [(1, 0, 0)] * 2)
    levels = choose_levels(codes, np.zeros((14, 3), np.int64), TEMPLATES, 5)
    assert Counter(shown(codes, levels)) == {(10, 10, 10): 9, (1, 10, 10): 5}


def test_where_nobody_can_be_spared_a_whole_class_joins():
    codes = make_codes([(0, 0, 0)] * 5 + [(3, 3, 3)] * 6 + [(1, 2, 1)] * 2)
    levels = choose_levels(codes, np.zeros((13, 3), np.int64), TEMPLATES, 5)
    assert sorted(Counter(shown(codes, levels)).values()) == [6, 7]
