import json
import weakref

import pytest

from tanger.model.decoding.devices import DeviceLostError
from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.phonology.alignment import Alignment
from tanger.model.text.candidates import Failure
from tanger.service.serving import wire
from tanger.service.serving.wire import DecodeBatch, DecodeRequest
from tanger.service.serving.worker import answer

ALIGNED = Alignment([(0, 1), (1, 2), (1, 2)], (0.5, 0.25, 0.125), [[1.0, 0.0]], "AB")


class Picky:
    """A phonemizer that chokes on any batch with an X in it."""

    def __init__(self):
        self.batches = []

    def nbest(self, words, n, *, aligned):
        self.batches.append((list(words), n))
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
                for each in range(n)
            ]
            for word in words
        ]


def asks(*words, n=1):
    return [DecodeRequest(word, n) for word in words]


def answers_to(phonemizer, asks):
    """What the service reads out of the message that a worker sends to the one that it got."""
    requests = wire.decode_batch(wire.encode(DecodeBatch(asks))).requests
    return wire.decode_answers(wire.encode(answer(phonemizer, requests)))


def spoken(answer):
    """The phonemes of each pronunciation."""
    return [each["phonemes"] for each in json.loads(answer)]


def test_answers_in_order():
    first, second = answers_to(Picky(), asks("AB", "C"))
    assert json.loads(first) == [
        {
            "phonemes": ["A", "B", "0"],
            "text": "A B 0",
            "probability": 0.25,
            "complete": True,
            "alignment": None,
        }
    ]
    assert spoken(second) == [["C", "0"]]


def test_words_of_any_characters_come_as_they_are():
    words = ["A\nB", "A\tB", "ɑ", "[", '"', "\0"]
    assert [spoken(rendered) for rendered in answers_to(Picky(), asks(*words))] == [
        [[*word, "0"]] for word in words
    ]


def test_what_is_requested_is_what_is_heard():
    mixed = [
        DecodeRequest("A"),
        DecodeRequest("B"),
        DecodeRequest("C", 3, alignment=True, alphabet="ipa", marks=True),
        DecodeRequest("D"),
    ]
    assert wire.decode_batch(wire.encode(DecodeBatch(mixed))).requests == mixed


def test_each_is_written_as_it_was_requested():
    class Stressed:
        def nbest(self, words, n, *, aligned):
            return [[Hypothesis(("T", "AA"), (0.5,), complete=True, stress=(None, 1))]] * len(words)

    asks = [
        DecodeRequest("TA"),
        DecodeRequest("TA", marks=True),
        DecodeRequest("TA", alphabet="ipa", marks=True),
    ]
    assert [spoken(reported) for reported in answers_to(Stressed(), asks)] == [
        [["T", "AA"]],
        [["T", "AA1"]],
        [["ˈt", "ɑ"]],
    ]


def test_those_that_ask_for_the_same_share_a_batch():
    picky = Picky()
    mixed = [*asks("A", n=3), *asks("B", "C"), *asks("D", n=3), *asks("E")]
    answers = answers_to(picky, mixed)
    assert picky.batches == [(["A", "D"], 3), (["B", "C", "E"], 1)]
    for ask, reported in zip(mixed, answers, strict=True):
        assert spoken(reported) == [[ask.word, str(each)] for each in range(ask.n)]


@pytest.mark.parametrize("n", [1, 3])
def test_a_word_that_breaks_the_decoder_harms_no_other(n):
    answers = answers_to(Picky(), asks("A", "X", "B", n=n))
    first, wrong, last = answers
    assert len(spoken(first)) == len(spoken(last)) == n
    assert wrong == Failure("RuntimeError: no X, please")


def test_letters_reach_the_pool():
    aligned, without = answers_to(
        Picky(), [DecodeRequest("AB", alignment=True), DecodeRequest("AB")]
    )
    assert [each["alignment"] for each in json.loads(aligned)] == [
        {
            "letters": ["A", "B"],
            "phonemes": [
                {"phoneme": "A", "start": 0, "end": 1, "probability": 0.5},
                {"phoneme": "B", "start": 1, "end": 2, "probability": 0.25},
                {"phoneme": "0", "start": 1, "end": 2, "probability": 0.125},
            ],
            "attention": [[1.0, 0.0]],
        }
    ]
    assert json.loads(without)[0]["alignment"] is None


def test_no_words():
    assert answer(Picky(), []) == []


def test_errors_come_as_they_are():
    for error in ("no", "[no]", 'no\t"\n', ""):
        assert wire.decode_answers(wire.encode([Failure(error)])) == [Failure(error)]


@pytest.mark.parametrize("nonsense", [b"", b"[", 3, None, {"error": "no"}, [1], [["a", "b"]]])
def test_nonsense_is_noticed(nonsense):
    message = nonsense if isinstance(nonsense, bytes) else wire.encode(nonsense)
    with pytest.raises(ValueError, match=r"."):
        wire.decode_answers(message)


class OutOfMemoryError(RuntimeError):
    """Named as torch's is, by which a worker knows it."""


class SmallDevice:
    """A phonemizer on a device with room for so many words; what a failed batch held takes room."""

    class Tensor:
        def __init__(self, size):
            self.size = size

    def __init__(self, room):
        self.room = room
        self.tensors = weakref.WeakSet()
        self.sizes = []

    def nbest(self, words, n, *, aligned):
        taken = sum(tensor.size for tensor in self.tensors)
        self.sizes.append(len(words))
        states = self.Tensor(min(len(words), self.room - taken))
        self.tensors.add(states)
        if states.size < len(words):
            raise OutOfMemoryError("CUDA out of memory")
        return [[Hypothesis(tuple(word), (0.5,), complete=True)] for word in words]


def test_out_of_memory_halves_the_batch_and_goes_on():
    device = SmallDevice(room=16)
    words = [f"A{number}" for number in range(64)]
    answers = answers_to(device, asks(*words))
    assert ["".join(*spoken(reported)) for reported in answers] == words
    assert device.sizes == [64, 32, 16, 16, 32, 16, 16]


def test_a_word_that_never_fits_says_so():
    (reported,) = answers_to(SmallDevice(room=0), asks("A"))
    assert reported == Failure("OutOfMemoryError: CUDA out of memory")


def test_a_device_that_is_lost_is_not_tried_again():
    class Lost:
        tried = 0

        def nbest(self, words, n, *, aligned):
            self.tried += 1
            raise DeviceLostError("cuda:0", "an illegal memory access was encountered")

    lost = Lost()
    with pytest.raises(DeviceLostError):
        answer(lost, asks("A", "B"))
    assert lost.tried == 1
