"""The engine gives what the plain reference gives."""

import random
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_seq2seq import CONFIGS, STRONG

from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.artifact import ArtifactError
from tanger.model.decoding.engine import Engine
from tanger.model.decoding.repetition import blocked_tokens, max_repeats
from tanger.model.decoding.torch_decoder import TorchDecoder
from tanger.model.network.seq2seq import Seq2Seq
from tanger.model.phonology.vocabulary import Vocabulary

GRAPHEMES = Vocabulary.of("ABCDEFG")
PHONEMES = Vocabulary.of("abcdefghi")
WORDS = [GRAPHEMES.encode(word) for word in ("A", "GABE", "FACADE", "DEAD", "BAGGAGE", "ACE" * 9)]
STRESSED = {**CONFIGS, "strong, with stress": replace(STRONG, stress=True)}


def written(folder, config, seed=5):
    """An artifact of random weights, strong enough for its answers to differ."""
    torch.manual_seed(seed)
    network = Seq2Seq(replace(config, input_symbols=len(GRAPHEMES), output_symbols=len(PHONEMES)))
    weights = {name: 2 * value.numpy() for name, value in network.state_dict().items()}
    return artifacts.write(
        folder, name="random", network=asdict(network.config), training={}, calibration=None,
        graphemes=GRAPHEMES, phonemes=PHONEMES, weights=weights, extras={},
    )  # fmt: skip


@pytest.fixture(params=STRESSED)
def artifact(request, tmp_path):
    return written(tmp_path / "random", STRESSED[request.param])


@pytest.fixture(scope="module")
def shipped(shipped_artifact):
    return artifacts.read(shipped_artifact)


def assert_same(answers, expected):
    assert len(answers) == len(expected)
    for answer, reference in zip(answers, expected, strict=True):
        assert answer.symbols == reference.symbols
        assert answer.complete == reference.complete
        assert answer.stress == reference.stress
        np.testing.assert_allclose(answer.probabilities, reference.probabilities, atol=1e-4)


@pytest.mark.parametrize("masked", [True, False])
def test_every_kind_of_network_answers_as_the_reference_does(artifact, masked):
    reference = TorchDecoder.of([artifact], "cpu", masked=masked)
    engine = Engine(artifact, masked=masked, precision="float32")
    assert_same(engine.decode(WORDS), reference.decode(WORDS))
    assert engine.configs == reference.configs


def test_random_networks_do_go_round_in_circles(tmp_path):
    """What the engine decodes again for it has to come to the reference's answer, too."""
    held = 0
    for seed in range(6):
        found = written(tmp_path / str(seed), STRONG, seed)
        reference = TorchDecoder.of([found], "cpu")
        expected = reference.decode(WORDS)
        assert_same(Engine(found, precision="float32").decode(WORDS), expected)
        held += sum(
            bool(blocked_tokens(answer.symbols[:step], max_repeats(word)))
            for word, answer in zip(WORDS, expected, strict=True)
            for step in range(len(answer.symbols))
        )
    assert held > 10


@pytest.fixture(scope="module")
def little_words_of_english(shipped):
    draw = random.Random(3)
    syllables = "TAN GER PRO NOUN CE WORD SPELL ING LET TERS SOUND MACH INE".split()
    words = {"".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(400)}
    return [shipped.graphemes.encode(word) for word in sorted(words)]


@given(words=st.lists(st.text("ABCDEFG", min_size=1, max_size=12), min_size=2, max_size=9))
@settings(max_examples=50)
@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_an_answer_hangs_on_its_word_alone(shipped, precision, words):
    """To the last bit in whole numbers, but for what is left in float32."""
    engine = _engine(shipped, precision)
    rows = [shipped.graphemes.encode(word) for word in words]
    for row, answer in zip(rows, engine.decode(rows), strict=True):
        (alone,) = engine.decode([row])
        assert_same([answer], [alone])


_ENGINES = {}


def _engine(artifact, precision):
    if precision not in _ENGINES:
        _ENGINES[precision] = Engine(artifact, precision=precision)
    return _ENGINES[precision]


def test_threads_share_the_work_and_keep_the_order(shipped, little_words_of_english):
    several = Engine(shipped, threads=3)
    assert several.threads == 3
    assert_same(
        several.decode(little_words_of_english), Engine(shipped).decode(little_words_of_english)
    )


def test_no_words(shipped):
    assert Engine(shipped).decode([]) == []


def test_the_longest_words(shipped):
    row = shipped.graphemes.encode("PNEUMONOULTRAMICROSCOPICSILICOVOLCANOCONIOSIS" + "S" * 19)
    (answer,) = Engine(shipped, precision="float32").decode([row])
    (expected,) = TorchDecoder.of([shipped], "cpu").decode([row])
    assert_same([answer], [expected])


def test_weights_that_do_not_fit_are_named(tmp_path, shipped):
    found = written(tmp_path / "random", STRONG)
    for wrong, reported in (
        ({"hidden": 8}, "do not fit"),
        ({"hidden": "x"}, "not a whole number"),
        ({"decoder_layers": 3}, "do not fit|handover"),
        ({"unheard": 1}, "no field unheard"),
    ):
        with pytest.raises(ArtifactError, match=reported):
            Engine(replace(found, network={**found.network, **wrong}))


def test_it_answers_without_torch(shipped_artifact):
    script = (
        "import sys; from pathlib import Path; from tanger.model.phonemizer import Phonemizer\n"
        f"loaded = Phonemizer.load(Path({str(shipped_artifact)!r}), 'cpu')\n"
        "print(*loaded.pronounce(['TANGER'])[0].phonemes)\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, "T AE NG ER\n"), done.stderr


def test_on_all_test_words(shipped, split):
    """float32: the reference's phonemes. Whole numbers: its WER, within a tenth of a point."""
    references = lexicon.pronunciations(lexicon.read(split / "cmudict-0.7b.test"))
    rows = [shipped.graphemes.encode(word) for word in references]
    expected = TorchDecoder.of([shipped], "cpu").decode(rows)
    assert_same(Engine(shipped, precision="float32").decode(rows), expected)
    wrong = [
        sum(
            shipped.phonemes.decode(answer.symbols) not in known
            for answer, known in zip(answers, references.values(), strict=True)
        )
        for answers in (expected, Engine(shipped).decode(rows))
    ]
    assert abs(wrong[0] - wrong[1]) <= 0.001 * len(rows), wrong
