import weakref

import pytest
import torch

from model.devices import DeviceLostError
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


class SmallDevice:
    """A phonemizer on a device with room for so many words; what a failed batch held takes room."""

    class Tensor:
        def __init__(self, size):
            self.size = size

    def __init__(self, room):
        self.room = room
        self.tensors = weakref.WeakSet()
        self.sizes = []

    def pronounce(self, words):
        taken = sum(tensor.size for tensor in self.tensors)
        self.sizes.append(len(words))
        states = self.Tensor(min(len(words), self.room - taken))
        self.tensors.add(states)
        if states.size < len(words):
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return [Hypothesis(tuple(word), (0.5,) * len(word), complete=True) for word in words]


def test_out_of_memory_halves_the_batch_and_goes_on():
    device = SmallDevice(room=16)
    words = [f"A{number}" for number in range(64)]
    answers = decode(device, words)
    assert ["".join(answer["phonemes"]) for answer in answers] == words
    assert device.sizes == [64, 32, 16, 16, 32, 16, 16]


def test_a_word_that_never_fits_says_so():
    (answer,) = decode(SmallDevice(room=0), ["A"])
    assert answer == {"error": "OutOfMemoryError: CUDA out of memory"}


def test_a_device_that_is_lost_is_not_tried_again():
    class Lost:
        tried = 0

        def pronounce(self, words):
            self.tried += 1
            raise DeviceLostError("cuda:0", "an illegal memory access was encountered")

    lost = Lost()
    with pytest.raises(DeviceLostError):
        decode(lost, ["A", "B"])
    assert lost.tried == 1
