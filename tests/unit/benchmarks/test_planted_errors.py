import random

import pytest

from benchmarks.planted_errors import KINDS, plant
from tanger.model.lexicon import Entry
from tanger.model.phonology import stress


def entry(word, phonemes):
    return Entry(word, tuple(phonemes.split()))


BOATS = entry("BOATS", "B OW1 T S")
TANGER = entry("TANGER", "T AE1 NG ER0")
WALDOS = entry("WALDOS", "W AO1 L D OW2 Z")
ENTRIES = [entry(f"W{i}S", "T AE1 N D OW2 Z") for i in range(200)]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_makes_an_error(kind):
    draw = random.Random(1)
    found = [KINDS[kind](draw, WALDOS, TANGER) for _ in range(50)]
    assert all(found)
    assert WALDOS.phonemes not in found


@pytest.mark.parametrize(
    ("kind", "results"),
    [
        ("stress moved", {"W AO2 L D OW1 Z"}),
        ("stress doubled", {"W AO1 L D OW1 Z"}),
        ("missing vowel", {"W L D OW2 Z", "W AO1 L D Z"}),
        ("next line's pronunciation", {"T AE1 NG ER0"}),
        ("wrong ending", {"W AO1 L D OW2 S"}),
        ("swapped neighbours", {"AO1 W L D OW2 Z", "W L AO1 D OW2 Z", "W AO1 D L OW2 Z",
                                "W AO1 L OW2 D Z", "W AO1 L D Z OW2"}),
    ],
)  # fmt: skip
def test_what_it_is(kind, results):
    draw = random.Random(1)
    assert {" ".join(KINDS[kind](draw, WALDOS, TANGER)) for _ in range(200)} == results


@pytest.mark.parametrize("kind", ["substituted vowel", "substituted consonant", "confused vowel"])
def test_substitutions_keep_stress_and_place(kind):
    draw = random.Random(1)
    for _ in range(50):
        found = KINDS[kind](draw, WALDOS, TANGER)
        pairs = list(zip(found, WALDOS.phonemes, strict=True))
        assert sum(new != old for new, old in pairs) == 1
        assert all(stress.split(new)[1] == stress.split(old)[1] for new, old in pairs)


def test_where_there_is_no_way_to_nothing_is_done():
    draw = random.Random(1)
    assert KINDS["stress moved"](draw, BOATS, TANGER) is None
    assert KINDS["wrong ending"](draw, TANGER, BOATS) is None
    assert KINDS["dropped phone"](draw, entry("A", "AH0"), BOATS) is None
    assert KINDS["wrong ending"](draw, BOATS, TANGER) == ("B", "OW1", "T", "Z")


def test_as_many_of_each_kind_and_none_that_is_right():
    right = {word: [("T", "AE1", "N", "D", "OW2", "S"), phonemes] for word, phonemes in ENTRIES}
    planted = plant(ENTRIES, right, count=44, seed=1)
    kinds = [kind for kind, _ in planted.values()]
    # In this lexicon no wrong ending is an error, and no next line differs
    assert {
        kinds.count(kind) for kind in set(KINDS) - {"wrong ending", "next line's pronunciation"}
    } == {4}
    assert "wrong ending" not in kinds
    assert all(e.phonemes not in right[e.word] for _, e in planted.values())
    assert planted == plant(ENTRIES, right, count=44, seed=1)
    assert planted != plant(ENTRIES, right, count=44, seed=2)
