import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from model.circles import Circles, rounds


@pytest.mark.parametrize(("spelling", "expected"), [
    ("", 1), ("TANGER", 1), ("BOOK", 2), ("BOOKKEEPER", 2), ("KKK", 3), ("NGNGNG", 3),
    ("MISSISSIPPI", 2), ("ABCDEFABCDEF", 2), ("ABCDEFGABCDEFG", 1),
])  # fmt: skip
def test_how_often_a_spelling_goes_round(spelling, expected):
    assert rounds([ord(letter) for letter in spelling]) == expected


@given(st.lists(st.integers(0, 2), max_size=40), st.integers(1, 5))
def test_nothing_comes_more_often_than_it_may(wanted, goes):
    """Whoever wants to say what they like gets the next best where it would go round too often."""
    circles = Circles(torch.tensor([goes]))
    said = []
    for symbol in wanted:
        logits = torch.zeros(1, 4)
        logits[0, symbol] = 1.0
        chosen = circles.rule_out(logits).argmax(dim=1)
        blocks = [said[-size:] for size in range(1, 7) if len(said) >= size]
        full = [
            block
            for block in blocks
            if said[-len(block) * max(goes, 4 if len(block) == 1 else 3) :]
            == block * max(goes, 4 if len(block) == 1 else 3)
        ]
        banned = {block[0] for block in full}
        assert int(chosen) not in banned
        assert (int(chosen) == symbol) == (symbol not in banned)
        circles.say(chosen)
        said.append(int(chosen))


def test_rows_are_watched_by_themselves():
    circles = Circles(torch.tensor([1, 5]))
    for symbols in [[1, 1]] * 4:
        circles.say(torch.tensor(symbols))
    assert torch.isinf(circles.rule_out(torch.zeros(2, 3))).tolist() == [
        [False, True, False], [False, False, False],
    ]  # fmt: skip
