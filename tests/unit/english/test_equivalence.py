import pytest

from tanger.model.english.notations import classes, equivalence_class


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("K AO T", "K AA T"),
        ("R OW Z IH Z", "R OW Z AH Z"),
        ("B IY R D", "B IH R D"),
        ("K AE M AH R AH", "K AE M ER AH"),
        ("S T ER R IH NG", "S T ER IH NG"),
        ("N Y UW", "N UW"),
        ("HH W EY L", "W EY L"),
        ("HH W AH R Y UW", "W ER UW"),
    ],
)
def test_conventions_do_not_count(one, other):
    assert equivalence_class(tuple(one.split())) == equivalence_class(tuple(other.split()))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("K AO T", "K OW T"),
        ("B EH R", "B IY R"),
        ("B ER D", "B IY R D"),
        ("HH UW", "W UW"),
        ("Y UH R", "UH R"),
        ("R AH", "ER"),
    ],
)
def test_other_sounds_do(one, other):
    assert equivalence_class(tuple(one.split())) != equivalence_class(tuple(other.split()))


def test_several_at_once():
    ways = [("K", "AO", "T"), ("K", "AA", "T"), ("K", "AE", "T")]
    assert len(classes(ways)) == 2
