from hypothesis import given
from hypothesis import strategies as st

from tanger.model.bloom_filter import BloomFilter


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=40))
def test_no_word_of_the_set_is_missing(words):
    assert all(BloomFilter.of(words).contains(words))
    assert BloomFilter.of(words) == BloomFilter.of(words[::-1])


def test_other_words_are_rarely_in_it():
    words = BloomFilter.of([f"WORD{number}" for number in range(20_000)])
    assert len(words.content) == 25_000
    found = words.contains([f"OTHER{number}" for number in range(20_000)])
    assert 0.005 < sum(found) / 20_000 < 0.011  # 0.0082 by the theory


def test_an_empty_set_holds_nothing():
    assert BloomFilter.of([]).contains(["A", "B"]) == [False, False]
    assert BloomFilter.of(["A"]).contains([]) == []


def test_the_bits_of_a_file_mean_the_same_in_every_version():
    assert BloomFilter.of(["TANGER", "SAID", "ÉCLAIR"]).content.hex() == "d54c5557"
