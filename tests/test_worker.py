import json
import weakref

import pytest
import torch

from model.alignment import Alignment
from model.devices import DeviceLostError
from model.hypothesis import Hypothesis
from service.ask import Ask
from service.pool import Answer
from service.worker import answer

ALIGNED = Alignment([(0, 1), (1, 2)], (0.5,), [[1.0, 0.0]])


class Picky:
    """A phonemizer that chokes on any batch with an X in it."""

    def __init__(self):
        self.batches = []

    def alternatives(self, words, most, *, aligned):
        self.batches.append((list(words), most))
        if any("X" in word for word in words):
            raise RuntimeError("no X, please")
        return [
            [
                Hypothesis(
                    (*word, str(each)),
                    (0.5,) * len(word),
                    complete=True,
                    alignment=ALIGNED if aligned else None,
                )
                for each in range(most)
            ]
            for word in words
        ]


def asks(*words, n=1):
    return [Ask(word, n) for word in words]


def test_answers_in_order():
    assert answer(Picky(), asks("AB", "C")) == [
        {
            "found": [
                {
                    "phonemes": ("A", "B", "0"),
                    "probability": pytest.approx(0.25),
                    "complete": True,
                    "stress": None,
                }
            ]
        },
        {
            "found": [
                {
                    "phonemes": ("C", "0"),
                    "probability": pytest.approx(0.5),
                    "complete": True,
                    "stress": None,
                }
            ]
        },
    ]


def test_those_that_ask_for_the_same_share_a_batch():
    picky = Picky()
    mixed = [*asks("A", n=3), *asks("B", "C"), *asks("D", n=3), *asks("E")]
    answers = answer(picky, mixed)
    assert picky.batches == [(["A", "D"], 3), (["B", "C", "E"], 1)]
    for ask, told in zip(mixed, answers, strict=True):
        assert [found["phonemes"] for found in told["found"]] == [
            (ask.word, str(each)) for each in range(ask.n)
        ]


@pytest.mark.parametrize("n", [1, 3])
def test_a_word_that_breaks_the_decoder_harms_no_other(n):
    answers = answer(Picky(), asks("A", "X", "B", n=n))
    assert [len(told.get("found", [])) for told in answers] == [n, 0, n]
    assert answers[1] == {"error": "RuntimeError: no X, please"}


def test_letters_reach_the_pool():
    (told,) = answer(Picky(), [Ask("AB", 2, alignment=True)])
    found = Answer.read(json.loads(json.dumps(told)))
    assert [each.alignment for each in found.found] == [
        Alignment([[0, 1], [1, 2]], [0.5], [[1.0, 0.0]])
    ] * 2
    (told,) = answer(Picky(), asks("AB"))
    assert Answer.read(told).found[0].alignment is None
    assert found.size > 2 > Answer.read(told).size == 1


def test_no_words():
    assert answer(Picky(), []) == []


def test_what_is_told_is_what_the_pool_reads():
    (told,) = answer(Picky(), asks("AB", n=2))
    read = Answer.read(json.loads(json.dumps(told)))
    assert read.likeliest == ("A", "B", "0")
    assert [found.probability for found in read.found] == [0.25, 0.25]
    assert Answer.read({"error": "no"}) == Answer(error="no")


class SmallDevice:
    """A phonemizer on a device with room for so many words; what a failed batch held takes room."""

    class Tensor:
        def __init__(self, size):
            self.size = size

    def __init__(self, room):
        self.room = room
        self.tensors = weakref.WeakSet()
        self.sizes = []

    def alternatives(self, words, most, *, aligned):
        taken = sum(tensor.size for tensor in self.tensors)
        self.sizes.append(len(words))
        states = self.Tensor(min(len(words), self.room - taken))
        self.tensors.add(states)
        if states.size < len(words):
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return [[Hypothesis(tuple(word), (0.5,), complete=True)] for word in words]


def test_out_of_memory_halves_the_batch_and_goes_on():
    device = SmallDevice(room=16)
    words = [f"A{number}" for number in range(64)]
    answers = answer(device, asks(*words))
    assert ["".join(told["found"][0]["phonemes"]) for told in answers] == words
    assert device.sizes == [64, 32, 16, 16, 32, 16, 16]


def test_a_word_that_never_fits_says_so():
    (told,) = answer(SmallDevice(room=0), asks("A"))
    assert told == {"error": "OutOfMemoryError: CUDA out of memory"}


def test_a_device_that_is_lost_is_not_tried_again():
    class Lost:
        tried = 0

        def alternatives(self, words, most, *, aligned):
            self.tried += 1
            raise DeviceLostError("cuda:0", "an illegal memory access was encountered")

    lost = Lost()
    with pytest.raises(DeviceLostError):
        answer(lost, asks("A", "B"))
    assert lost.tried == 1
