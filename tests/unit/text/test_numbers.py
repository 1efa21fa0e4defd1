import pytest

from tanger.model.text import numbers


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("0", "zero"),
        ("42", "forty-two"),
        ("101", "one hundred one"),
        ("1,234,567", "one million two hundred thirty-four thousand five hundred sixty-seven"),
        ("3.14", "three point one four"),
        ("0.50", "zero point five zero"),
        (".5", "point five"),
        ("007", "zero zero seven"),
        ("1066", "one thousand sixty-six"),
        ("1776", "seventeen seventy-six"),
        ("1900", "nineteen hundred"),
        ("1905", "nineteen oh-five"),
        ("2000", "two thousand"),
        ("2009", "two thousand nine"),
        ("2026", "twenty twenty-six"),
        ("1,776", "one thousand seven hundred seventy-six"),
        ("1776.0", "one thousand seven hundred seventy-six point zero"),
        ("2100", "two thousand one hundred"),
    ],
)
def test_numbers_and_years(written, spoken):
    assert numbers.year_or_number(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [("1", "first"), ("12", "twelfth"), ("101", "one hundred first"), ("1,000", "one thousandth")],
)
def test_ordinals(written, spoken):
    assert numbers.ordinal(written) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("90", "nineties"),
        ("1980", "nineteen eighties"),
        ("6", "sixes"),
        ("1900", "nineteen hundreds"),
        ("2000", "two thousands"),
    ],
)
def test_several(written, spoken):
    assert numbers.several(written) == spoken


@pytest.mark.parametrize(
    ("sign", "written", "spoken"),
    [
        ("$", "1", "one dollar"),
        ("$", "5.99", "five dollars and ninety-nine cents"),
        ("$", "1.01", "one dollar and one cent"),
        ("$", "1,000.00", "one thousand dollars"),
        ("$", "0.00", "zero cents"),
        ("$", ".50", "fifty cents"),
        ("$", "2.5", "two point five dollars"),
        ("£", "3.01", "three pounds and one penny"),
        ("€", "20", "twenty euros"),
        ("¥", "5.99", "five point nine nine yen"),
        ("¢", "99", "ninety-nine cents"),
    ],
)
def test_money(sign, written, spoken):
    assert numbers.money(sign, written) == spoken


def test_money_by_the_million():
    assert numbers.money("$", "1.5", "M") == "one point five million dollars"
    assert numbers.money("€", "3", "bn") == "three billion euros"
