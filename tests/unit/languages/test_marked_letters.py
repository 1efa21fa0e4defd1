"""Words of a dictionary without marks get those of the words that people write."""

from collections import Counter

import pytest

from tanger.model.languages.marked_letters import restore

POEZIE, COORDINATIE, EEN = [("p", "oː")], [("k", "oː")], [("ˈeː", "n")]


@pytest.fixture
def counts():
    return Counter()


def restored(words, ranked, counts=None, letters="ëöéè"):
    return restore(words, ranked, letters, Counter() if counts is None else counts)


def test_a_word_gets_the_marks_of_a_listed_one(counts):
    found = restored({"poezie": POEZIE, "boom": EEN}, ["boom", "poëzie"], counts)
    assert found == {"poëzie": POEZIE, "boom": EEN}
    assert counts == {"marks restored": 1}


def test_a_longer_word_gets_those_of_its_beginning(counts):
    found = restored({"coordinatiebureau": COORDINATIE}, ["coördinatie"], counts)
    assert found == {"coördinatiebureau": COORDINATIE}
    assert counts == {"marks restored by the beginning": 1}


def test_of_a_short_beginning_nothing_follows():
    words = {"reeelheid": POEZIE}
    assert restored(words, ["reëel"]) == words


def test_an_accent_is_no_part_of_longer_words():
    words = {"cafetariahouder": POEZIE}
    assert restored(words, ["cafétaria"]) == words


def test_a_frequent_word_keeps_its_spelling_beside_the_marked_one(counts):
    found = restored({"een": EEN}, ["een", "één"], counts)
    assert found == {"een": EEN, "één": EEN}
    assert counts == {"marks restored, and kept without": 1}


def test_marks_of_other_letters_are_left_out():
    words = {"enquete": POEZIE, "creche": POEZIE}
    assert restored(words, ["enquête", "crèche"]) == {"enquete": POEZIE, "crèche": POEZIE}


def test_a_word_that_has_its_marks_keeps_its_pronunciation():
    assert restored({"creme": EEN, "crème": POEZIE}, ["crème"]) == {"creme": EEN, "crème": POEZIE}
