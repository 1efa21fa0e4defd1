"""Words of a request are resolved in groups that take about equally long."""

from tanger.service.serving.time_slices import word_groups


def sizes(words):
    found = word_groups(words, words)
    assert [word for group in found for word in group] == words
    return [len(group) for group in found]


def test_ordinary_words_are_in_groups_of_sixteen():
    assert sizes(["tanger"] * 40) == [16, 16, 8]


def test_long_words_are_in_smaller_groups():
    assert sizes(["a" * 250] * 3) == [1, 1, 1]
    assert sizes(["a" * 64] * 5) == [2, 2, 1]
    assert sizes(["tanger", "a" * 250, "tanger"]) == [1, 1, 1]


def test_no_words_are_no_group():
    assert sizes([]) == []
