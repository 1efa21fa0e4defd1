import math

import pytest

from tanger.model.evaluation.significance import ErrorRate, PairedComparison


def test_intervals():
    low, high = ErrorRate("x", 1000, 0).interval
    assert low == 0
    assert high == pytest.approx(0.0038, abs=1e-4)
    low, high = ErrorRate("x", 3434, 1017).interval
    assert (low, high) == pytest.approx((0.2811, 0.3116), abs=1e-4)
    assert math.isnan(ErrorRate("x", 0, 0).rate)
    assert str(ErrorRate("x", 1000, 20)) == "x: 2.00 % [1.30, 3.07] (20 of 1,000)"


def test_words_that_both_have_wrong_do_not_count():
    pair = PairedComparison.of("x", 100, {"A", "B", "C"}, {"C", "D"})
    assert (pair.first_only, pair.second_only) == (2, 1)
    assert pair.difference == pytest.approx(-0.01)
    low, high = pair.interval
    assert low < -0.01 < high


@pytest.mark.parametrize(
    ("first_only", "second_only", "p"),
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        (10, 0, 2 / 1024),  # both tails of the binomial distribution
        (25, 10, 0.0167),
        (700, 600, 0.00604),  # the normal approximation
    ],
)
def test_mcnemar(first_only, second_only, p):
    assert PairedComparison("x", 9999, first_only, second_only).p_value == pytest.approx(
        p, rel=0.01
    )
