import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanger.model.evaluation import error_rates
from tanger.model.lexicon import Entry

PHONES = st.lists(st.sampled_from("ABC"), max_size=6).map(tuple)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "edits"),
    [("", "", 0), ("ABC", "ABC", 0), ("ABC", "", 3), ("", "AB", 2), ("ABC", "AXC", 1),
     ("ABC", "BC", 1), ("ABC", "ABBC", 1), ("kitten", "sitting", 3)],
)  # fmt: skip
def test_edit_distance(reference, hypothesis, edits):
    assert error_rates.edit_distance(tuple(reference), tuple(hypothesis)) == edits


@given(a=PHONES, b=PHONES, c=PHONES)
def test_edit_distance_is_a_metric(a, b, c):
    distance = error_rates.edit_distance
    assert (distance(a, b) == 0) == (a == b)
    assert distance(a, b) == distance(b, a)
    assert distance(a, c) <= distance(a, b) + distance(b, c)


@given(a=PHONES, b=PHONES)
def test_confusions_are_the_edits(a, b):
    found = error_rates.confusions(a, b)
    assert found.total() == error_rates.edit_distance(a, b)
    assert all(expected != given for expected, given in found)


def test_the_two_ways_of_scoring():
    lines = [Entry("READ", ("R", "EH", "D")), Entry("READ", ("R", "IY", "D")),
             Entry("CAT", ("K", "AE", "T")), Entry("GONE", ("G", "AO", "N"))]  # fmt: skip
    references = {"READ": [lines[0].phonemes, lines[1].phonemes], "CAT": [lines[2].phonemes],
                  "GONE": [lines[3].phonemes]}  # fmt: skip
    hypotheses = {"READ": ("R", "IY", "D"), "CAT": ("K", "AE", "T", "S")}
    best = error_rates.any_match(references, hypotheses)
    assert (best.words, best.wrong, best.edits, best.phonemes) == (3, 2, 4, 9)
    assert best.wer == pytest.approx(2 / 3)
    assert best.per == pytest.approx(4 / 9)
    strict = error_rates.per_line(lines, hypotheses)
    assert (strict.words, strict.wrong, strict.edits, strict.phonemes) == (4, 3, 5, 12)


def test_nothing_to_score_is_an_error():
    with pytest.raises(ValueError, match="no words"):
        error_rates.any_match({}, {})
