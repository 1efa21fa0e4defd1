import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanger.model.decoding.repetition import (
    MAX_PERIOD,
    blocked_tokens,
    max_repeats,
    run_limits,
)


@pytest.mark.parametrize(("spelling", "expected"), [
    ("", 1), ("TANGER", 1), ("BOOK", 2), ("BOOKKEEPER", 2), ("KKK", 3), ("NGNGNG", 3),
    ("MISSISSIPPI", 2), ("ABCDEFABCDEF", 2), ("ABCDEFGABCDEFG", 1),
])  # fmt: skip
def test_how_often_a_spelling_goes_round(spelling, expected):
    assert max_repeats([ord(letter) for letter in spelling]) == expected


@given(st.lists(st.integers(0, 2), max_size=40), st.integers(1, 5))
def test_nothing_comes_more_often_than_it_may(wanted, goes):
    """A decoder that emits the wanted symbol unless it is blocked never repeats too often."""
    spoken = []
    for symbol in wanted:
        blocks = [spoken[-size:] for size in range(1, 7) if len(spoken) >= size]
        full = [
            block
            for block in blocks
            if spoken[-len(block) * max(goes, 4 if len(block) == 1 else 3) :]
            == block * max(goes, 4 if len(block) == 1 else 3)
        ]
        banned = blocked_tokens(spoken, goes)
        assert banned == {block[0] for block in full}
        spoken.append(next(each for each in (symbol, 3, 4) if each not in banned))


@given(st.lists(st.integers(0, 1), max_size=40), st.integers(1, 5))
def test_limits_of_runs_are_the_same_rule(tokens, repeats):
    limits = run_limits(repeats)
    runs = [0] * MAX_PERIOD
    for place, symbol in enumerate(tokens):
        blocked = {
            tokens[place - size]
            for size in range(1, MAX_PERIOD + 1)
            if runs[size - 1] >= limits[size - 1]
        }
        assert blocked == blocked_tokens(tokens[:place], repeats)
        for size in range(1, min(place, MAX_PERIOD) + 1):
            runs[size - 1] = runs[size - 1] + 1 if symbol == tokens[place - size] else 0
