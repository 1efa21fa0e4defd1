import pytest

from model.hypothesis import Hypothesis
from service.worker import decode


class Picky:
    """A phonemizer that chokes on any batch with an X in it."""

    def __init__(self):
        self.batches = []

    def pronounce(self, words):
        self.batches.append(list(words))
        if any("X" in word for word in words):
            raise RuntimeError("no X, please")
        return [Hypothesis(tuple(word), (0.5,) * len(word), complete=True) for word in words]


def test_answers_in_order():
    answers = decode(Picky(), ["AB", "C"])
    assert answers == [
        {
            "phonemes": ("A", "B"),
            "probability": pytest.approx(0.25),
            "complete": True,
            "stress": None,
        },
        {"phonemes": ("C",), "probability": pytest.approx(0.5), "complete": True, "stress": None},
    ]


def test_a_word_that_breaks_the_decoder_harms_no_other():
    answers = decode(Picky(), ["A", "X", "B"])
    assert [answer.get("phonemes") for answer in answers] == [("A",), None, ("B",)]
    assert answers[1] == {"error": "RuntimeError: no X, please"}


def test_no_words():
    assert decode(Picky(), []) == []
