import math
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanger.model.text.candidates import Candidate, join


def way(text, probability, complete=True):
    return Candidate(tuple(text.split()), probability, complete)


def test_parts_one_after_the_other():
    found = join([[way("F AO R T IY", 0.8), way("F AO R T IH", 0.1)], [way("T UW", 0.9, False)]], 3)
    assert [" ".join(each.phonemes) for each in found] == ["F AO R T IY T UW", "F AO R T IH T UW"]
    assert [each.probability for each in found] == pytest.approx([0.72, 0.09])
    assert not any(each.complete for each in found)


def test_a_word_by_itself_keeps_its_order():
    ways = [way("A", 0.1), way("B", 0.5), way("A", 0.05), way("C", 0.2)]
    assert join([ways], 2) == ways[:2]


def test_further_words_are_separated_in_every_alphabet():
    (found,) = join([[way("n u", None)], [way("j ɔ ɹ k", None)], [way("s", None)]], 1)
    assert found.breaks == (2, 6)
    assert found.text("ipa") == "nu jɔɹk s"
    assert found.text("arpabet") == "n u  j ɔ ɹ k  s"
    assert found.text("arpabet", phone_separator="-", word_separator=" # ") == "n-u # j-ɔ-ɹ-k # s"
    assert way("A B", 1.0).text("arpabet") == "A B"


def test_what_a_lexicon_says_is_certain_beside_others():
    lexicon = [way("A", None), way("B", None)]
    assert [each[:2] for each in join([lexicon, lexicon], 10)] == [
        way(text, None)[:2] for text in ("A A", "A B", "B A", "B B")
    ]
    assert [each[:2] for each in join([lexicon, [way("C", 0.5)]], 10)] == [
        way("A C", 0.5)[:2], way("B C", 0.5)[:2]
    ]  # fmt: skip


ways = st.lists(st.floats(0.001, 1), min_size=1, max_size=4)


@given(parts=st.lists(ways, min_size=2, max_size=4), maximum=st.integers(1, 10))
def test_the_likeliest_of_all_are_found(parts, maximum):
    given_ways = [
        [way(f"{part}.{place}", p) for place, p in enumerate(sorted(chances, reverse=True))]
        for part, chances in enumerate(parts)
    ]
    best = sorted((math.prod(chosen) for chosen in product(*parts)), reverse=True)[:maximum]
    found = join(given_ways, maximum)
    assert [each.probability for each in found] == pytest.approx(best)
    assert found[0].phonemes == tuple(f"{part}.0" for part in range(len(parts)))
