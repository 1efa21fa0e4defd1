"""Several answers a word: the engine's are the plain reference's."""

import math
import random
from itertools import compress

import numpy as np
import pytest
import torch
from test_engine import STRESSED, WORDS, written
from test_seq2seq import CONFIGS

from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.decoding.engine import Engine
from tanger.model.decoding.repetition import blocked_tokens, max_repeats
from tanger.model.decoding.torch_decoder import TorchDecoder


def product(answer):
    return math.prod(answer.probabilities)


def assert_same_lists(found, expected):
    """The same hypotheses in the same order, but for those that are as likely as each other."""
    assert len(found) == len(expected)
    for answers, references in zip(found, expected, strict=True):
        by_symbols = {tuple(answer.symbols): answer for answer in answers}
        assert by_symbols.keys() == {tuple(reference.symbols) for reference in references}
        assert answers[0].symbols == references[0].symbols
        for answer, reference in zip(answers, references, strict=True):
            assert product(answer) == pytest.approx(product(reference), abs=1e-4)
            same = by_symbols[tuple(reference.symbols)]
            assert (same.complete, same.stress) == (reference.complete, reference.stress)
            np.testing.assert_allclose(same.probabilities, reference.probabilities, atol=1e-4)


@pytest.mark.parametrize("width", [2, 3, 10])
@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("kind", STRESSED)
def test_every_kind_of_network_answers_as_the_reference_does(tmp_path, kind, masked, width):
    artifact = written(tmp_path / "random", STRESSED[kind])
    expected = TorchDecoder.of([artifact], "cpu", masked=masked).beam(WORDS, width)
    found = Engine(artifact, masked=masked, precision="float32").beam(WORDS, width)
    # Among sixty steps that are all as good as drawn by lot, rounding decides what is likelier
    some = [product(answers[0]) > 1e-40 for answers in expected]
    assert sum(some) >= len(WORDS) - 1
    assert_same_lists(list(compress(found, some)), list(compress(expected, some)))


@pytest.mark.parametrize("kind", CONFIGS)
def test_the_greedy_answer_comes_first_and_the_others_by_their_likelihood(tmp_path, kind):
    artifact = written(tmp_path / "random", CONFIGS[kind])
    engine = Engine(artifact, precision="float32")
    for answers, greedy in zip(engine.beam(WORDS, 5), engine.decode(WORDS), strict=True):
        assert 1 < len(answers) <= 5
        assert answers[0].symbols == greedy.symbols
        assert answers[0].complete == greedy.complete
        np.testing.assert_allclose(answers[0].probabilities, greedy.probabilities, atol=1e-5)
        others = [product(answer) for answer in answers[1:]]
        assert others == sorted(others, reverse=True)
        assert len({tuple(answer.symbols) for answer in answers}) == len(answers)


def test_no_answer_goes_round_in_circles(tmp_path):
    """The reference asks the rule at every step, the engine counts along: both obey it."""
    held = 0
    for seed in range(6):
        artifact = written(tmp_path / str(seed), CONFIGS["strong"], seed)
        expected = TorchDecoder.of([artifact], "cpu").beam(WORDS, 4)
        assert_same_lists(Engine(artifact, precision="float32").beam(WORDS, 4), expected)
        for word, answers in zip(WORDS, expected, strict=True):
            for answer in answers:
                for step, symbol in enumerate(answer.symbols):
                    banned = blocked_tokens(answer.symbols[:step], max_repeats(word))
                    assert symbol not in banned
                    held += bool(banned)
    assert held > 10


def test_a_wide_beam_finds_the_likeliest_of_all(tmp_path):
    """No pronunciation of two symbols or fewer that is likelier than what it found is missing."""
    artifact = written(tmp_path / "random", CONFIGS["strong"])
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
    (answers,) = Engine(artifact, precision="float32").beam([WORDS[1]], 900)
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
    engine = Engine(shipped)
    rows = [shipped.graphemes.encode(word) for word in ("READ", "LEAD", "TEAR", "BASS", "A")]
    for row, answers in zip(rows, engine.beam(rows, 3), strict=True):
        assert engine.beam([row], 3) == [answers]


def test_threads_share_the_work_and_keep_the_order(shipped):
    draw = random.Random(3)
    words = ["".join(draw.choices("ABCDEILNORST", k=draw.randint(1, 12))) for _ in range(300)]
    rows = [shipped.graphemes.encode(word) for word in words]
    assert Engine(shipped, threads=3).beam(rows, 3) == Engine(shipped).beam(rows, 3)


def test_no_words(shipped):
    assert Engine(shipped).beam([], 3) == []


def test_on_some_test_words(shipped, split):
    words = list(lexicon.pronunciations(lexicon.read(split / "cmudict-0.7b.test")))[::40]
    rows = [shipped.graphemes.encode(word) for word in words]
    expected = TorchDecoder.of([shipped], "cpu").beam(rows, 3)
    assert_same_lists(Engine(shipped, precision="float32").beam(rows, 3), expected)
    assert len(words) >= 300
