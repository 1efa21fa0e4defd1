"""Several answers a word, by the reference; what the compiled one adds is in test_native.py."""

import math
import random

import numpy as np
import pytest
import torch

from tanger.model import artifact as artifacts
from tanger.model.decoding.engine import NativeDecoder
from tanger.model.decoding.repetition import blocked_tokens, max_repeats
from tanger.model.decoding.torch_decoder import TorchDecoder
from tests.support.artifacts import WORDS, random_artifact
from tests.support.networks import CONFIGS


def product(answer):
    return math.prod(answer.probabilities)


@pytest.mark.parametrize("kind", CONFIGS)
def test_the_greedy_answer_comes_first_and_the_others_by_their_likelihood(tmp_path, kind):
    artifact = random_artifact(tmp_path / "random", CONFIGS[kind])
    reference = TorchDecoder.of([artifact], "cpu")
    for answers, greedy in zip(reference.beam(WORDS, 5), reference.decode(WORDS), strict=True):
        assert 1 < len(answers) <= 5
        assert answers[0].symbols == greedy.symbols
        assert answers[0].complete == greedy.complete
        np.testing.assert_allclose(answers[0].probabilities, greedy.probabilities, atol=1e-5)
        others = [product(answer) for answer in answers[1:]]
        assert others == sorted(others, reverse=True)
        assert len({tuple(answer.symbols) for answer in answers}) == len(answers)


def test_no_answer_goes_round_in_circles(tmp_path):
    held = 0
    for seed in range(6):
        artifact = random_artifact(tmp_path / str(seed), CONFIGS["strong"], seed)
        expected = TorchDecoder.of([artifact], "cpu").beam(WORDS, 4)
        for word, answers in zip(WORDS, expected, strict=True):
            for answer in answers:
                for step, symbol in enumerate(answer.symbols):
                    banned = blocked_tokens(answer.symbols[:step], max_repeats(word))
                    assert symbol not in banned
                    held += bool(banned)
    assert held > 10


def test_a_wide_beam_finds_the_likeliest_of_all(tmp_path):
    """No pronunciation of two symbols or fewer that is likelier than what it found is missing."""
    artifact = random_artifact(tmp_path / "random", CONFIGS["strong"])
    decoder = TorchDecoder.of([artifact], "cpu")
    network, end = decoder.network, decoder.phonemes.end
    word = torch.tensor([WORDS[1]])
    allowed = [end, *decoder.phonemes.encode(decoder.phonemes.own)]
    spoken = [
        [end],
        *([a, end] for a in allowed[1:]),
        *([a, b, end] for a in allowed[1:] for b in allowed[1:]),
    ]
    chances = {}
    with torch.inference_mode():
        for symbols in spoken:
            labels = torch.tensor([[decoder.phonemes.start, *symbols]])
            logits = network(word, torch.tensor([word.shape[1]]), labels).phonemes[0]
            logits[:, [s for s in range(logits.shape[1]) if s not in allowed]] = -torch.inf
            steps = logits.softmax(dim=1)[range(len(symbols)), symbols]
            chances[tuple(symbols[:-1])] = steps.prod().item()
    del chances[()]  # no pronunciation is empty
    (answers,) = decoder.beam([WORDS[1]], 900)
    found = {tuple(answer.symbols): product(answer) for answer in answers}
    short = {symbols: chance for symbols, chance in found.items() if len(symbols) <= 2}
    assert len(short) > 10
    for symbols, chance in short.items():
        assert chance == pytest.approx(chances[symbols], abs=1e-5)
    least = product(answers[-1])
    likelier = {symbols for symbols, chance in chances.items() if chance > least + 1e-6}
    assert likelier <= short.keys()


@pytest.fixture(scope="module")
def shipped(shipped_artifact):
    return artifacts.read(shipped_artifact)


def test_a_words_answers_hang_on_it_alone(shipped):
    """In whole numbers to the last bit: those beside it only share its steps."""
    engine = NativeDecoder(shipped)
    rows = [shipped.graphemes.encode(word) for word in ("READ", "LEAD", "TEAR", "BASS", "A")]
    for row, answers in zip(rows, engine.beam(rows, 3), strict=True):
        assert engine.beam([row], 3) == [answers]


def test_threads_share_the_work_and_keep_the_order(shipped):
    draw = random.Random(3)
    words = ["".join(draw.choices("ABCDEILNORST", k=draw.randint(1, 12))) for _ in range(300)]
    rows = [shipped.graphemes.encode(word) for word in words]
    assert NativeDecoder(shipped, threads=3).beam(rows, 3) == NativeDecoder(shipped).beam(rows, 3)


def test_no_words(shipped):
    assert NativeDecoder(shipped).beam([], 3) == []
