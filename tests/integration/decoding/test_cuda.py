"""Greedy decoding in buffers, captured on a GPU and as it is on a CPU, against the reference."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.decoding import cuda, repetition
from tanger.model.decoding.cuda import GraphedDecoder
from tanger.model.decoding.devices import DeviceLostError
from tanger.model.decoding.torch_decoder import TorchDecoder
from tanger.model.network.seq2seq import Seq2Seq
from tests.support.artifacts import WORDS, random_artifact
from tests.support.networks import STRESSED, STRONG

# Where the decode is tested: what runs uncaptured here is what is captured there.
DEVICES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=pytest.mark.skipif(
            not torch.cuda.is_available(), reason="no GPU is here: nothing can be captured"
        ),
    ),
]


def assert_same(answers, expected):
    assert len(answers) == len(expected)
    for answer, reference in zip(answers, expected, strict=True):
        assert answer.symbols == reference.symbols
        assert answer.complete == reference.complete
        assert answer.stress == reference.stress
        np.testing.assert_allclose(answer.probabilities, reference.probabilities, atol=1e-4)


def of(artifact, device="cpu", *, phonemes_only=True):
    """The plain reference on the CPU, and the same network in buffers on `device`."""
    reference = TorchDecoder.of([artifact], "cpu", phonemes_only=phonemes_only)
    network = TorchDecoder.of([artifact], device, phonemes_only=phonemes_only)
    return reference, GraphedDecoder(
        network.network, artifact.graphemes, artifact.phonemes, allowed=network.allowed
    )


@pytest.fixture(params=STRESSED)
def artifact(request, tmp_path):
    return random_artifact(tmp_path / "random", STRESSED[request.param])


@pytest.fixture(scope="module")
def strong(tmp_path_factory):
    # Without stress: where random networks go in circles, several places of it are equally likely
    return random_artifact(tmp_path_factory.mktemp("strong") / "random", STRONG)


@pytest.fixture(scope="module")
def shipped(shipped_artifact):
    return artifacts.read(shipped_artifact)


def drawn(count, *, seed=1, longest=20):
    draw = random.Random(seed)
    return [draw.choices(range(2, 9), k=draw.randint(1, longest)) for _ in range(count)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("phonemes_only", [True, False])
def test_every_kind_of_network_answers_as_the_reference_does(artifact, phonemes_only, device):
    reference, decoder = of(artifact, device, phonemes_only=phonemes_only)
    for words in (WORDS, WORDS[::-1] * 3, WORDS[:1]):
        assert_same(decoder.decode(words), reference.decode(words))


@pytest.mark.parametrize("device", DEVICES)
def test_networks_that_go_round_in_circles(tmp_path, device):
    """A spelling that goes round itself may be said as often as it does: the limits differ."""
    words = [*drawn(30, longest=9), [4] * 7, [2, 3] * 5, [2, 3, 4] * 4]
    held = 0
    for seed in range(4):
        found = random_artifact(tmp_path / str(seed), STRONG, seed)
        reference, decoder = of(found, device)
        expected = reference.decode(words)
        assert_same(decoder.decode(words), expected)
        held += sum(
            bool(repetition.blocked_tokens(answer.symbols[:step], repetition.max_repeats(word)))
            for word, answer in zip(words, expected, strict=True)
            for step in range(len(answer.symbols))
        )
    assert held > 10


@pytest.mark.parametrize("device", DEVICES)
def test_all_captured_sizes_give_the_same(strong, device, monkeypatch):
    """Few buckets, small batches: buffers are taken up, left, let go and made anew."""
    monkeypatch.setattr(cuda, "MAX_BATCH", 8)
    monkeypatch.setattr(cuda, "KEPT", 2)
    reference, decoder = of(strong, device)
    words = drawn(60)
    expected = reference.decode(words)
    for _ in range(2):
        assert_same(decoder.decode(words), expected)
        assert 1 <= len(decoder.buckets) <= 2
        assert all(count <= 8 for count, _ in decoder.buckets)


def test_buffers_are_used_again(strong):
    _, decoder = of(strong)
    decoder.decode(WORDS[:3])
    first = decoder.buckets[4, 8]
    decoder.decode(WORDS[:4])
    decoder.decode([WORDS[1]])
    decoder.decode([[2] * 30])
    assert list(decoder.buckets) == [(4, 8), (1, 4), (1, 32)]
    assert decoder.buckets[4, 8] is first


def test_long_words_come_in_smaller_batches(strong, monkeypatch):
    monkeypatch.setattr(cuda, "MAX_LETTERS", 64)
    reference, decoder = of(strong)
    words = [[2, 3, 4] * 5] * 7
    assert_same(decoder.decode(words), reference.decode(words))
    assert list(decoder.buckets) == [(4, 16)]


@given(words=st.lists(st.lists(st.integers(2, 8), min_size=1, max_size=12), max_size=9))
@settings(max_examples=30)
def test_an_answer_hangs_on_its_word_alone(strong, words):
    _, decoder = of(strong)
    for word, answer in zip(words, decoder.decode(words), strict=True):
        assert_same(decoder.decode([word]), [answer])


def test_no_words(strong):
    _, decoder = of(strong)
    assert decoder.decode([]) == []


@pytest.mark.parametrize("device", DEVICES)
def test_words_of_english(shipped, split, device):
    names = [*lexicon.pronunciations(lexicon.read(split / "cmudict-0.7b.test"))][:300]
    rows = [shipped.graphemes.encode(word) for word in [*names, "S" * 64]]
    reference, decoder = of(shipped, device)
    assert_same(decoder.decode(rows), reference.decode(rows))


def test_no_step_looks_at_a_value(artifact):
    """Tensors on `meta` have shapes and no values: what has to wait for one cannot run there."""
    network = Seq2Seq(TorchDecoder.of([artifact], "cpu").configs[0]).eval().to("meta")
    decoder = GraphedDecoder(network, artifact.graphemes, artifact.phonemes)
    with torch.inference_mode():
        bucket = cuda._Bucket(decoder, 8, 6)
        bucket._run_encoder()
        bucket._run_steps()
        with pytest.raises(RuntimeError, match=r"item\(\)"):
            bucket.decode(bucket._words)


class Recording(TorchDispatchMode):
    """What a CUDA graph keeps of a piece of work: operators and tensors, nothing of Python's."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, result))
        return result

    def replay(self):
        made = {}

        def now(tensor):
            return made.get(id(tensor), tensor)

        for func, args, kwargs, before in self.calls:
            given, named = tree_map(now, (args, kwargs))
            after = func(*given, **named)
            made |= zip(map(id, tree_leaves(before)), tree_leaves(after), strict=True)


def test_what_was_recorded_once_decodes_other_words(artifact, monkeypatch):
    reference, decoder = of(artifact)
    recordings = []

    def record(work):
        work()
        with Recording() as recording:
            work()
        recordings.append(recording)
        return recording.replay

    monkeypatch.setattr(decoder, "capture", record)
    few, others = WORDS[:5], [WORDS[3], WORDS[1], WORDS[4]]
    for words in (few, others, WORDS, few, WORDS[:1], WORDS[-1:], WORDS):
        assert_same(decoder.decode(words), reference.decode(words))
    assert len(recordings) == 2 * len(decoder.buckets) == 10


def test_out_of_memory_is_reported_and_frees_what_was_kept(strong, monkeypatch):
    _, decoder = of(strong)
    expected = decoder.decode(WORDS)

    def fail(*_):
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(cuda._Bucket, "decode", fail)
        with pytest.raises(torch.OutOfMemoryError):
            decoder.decode(WORDS)
    assert decoder.buckets == {}
    assert_same(decoder.decode(WORDS), expected)


def test_the_torch_decoder_hands_it_what_is_greedy(strong, monkeypatch):
    decoder = TorchDecoder.of([strong], "cpu")
    assert decoder.graphed is None  # on a CPU the engine is faster
    expected = decoder.decode(WORDS)
    _, decoder.graphed = of(strong)
    assert_same(decoder.decode(WORDS), expected)
    assert list(decoder.graphed.buckets) == [(8, 32)]

    def fail(*_):
        raise torch.AcceleratorError("an illegal memory access was encountered")

    monkeypatch.setattr(cuda._Bucket, "decode", fail)
    with pytest.raises(DeviceLostError, match="illegal memory access"):
        decoder.decode(WORDS)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU is here: nothing can be captured")
def test_captured_and_uncaptured_are_the_same(strong):
    """The very same functions, on the same device."""
    _, captured = of(strong, "cuda")
    _, uncaptured = of(strong, "cuda")
    uncaptured.capture = lambda work: work
    words = drawn(100)
    assert_same(captured.decode(words), uncaptured.decode(words))
    alone = TorchDecoder.of([strong], "cuda")
    assert alone.graphed is not None
    assert TorchDecoder.of([strong, strong], "cuda").graphed is None
    assert_same(alone.decode(words), captured.decode(words))


def test_where_nothing_can_be_captured_the_plain_loop_decodes_and_says_so(
    strong, monkeypatch, caplog
):
    plain = TorchDecoder.of([strong], "cpu")
    expected = plain.decode(WORDS)
    plain.graphed = of(strong)[1]

    def fail(*_):
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(cuda._Bucket, "decode", fail)
    assert_same(plain.decode(WORDS), expected)
    assert plain.graphed is None
    assert "no CUDA graphs here" in caplog.text
