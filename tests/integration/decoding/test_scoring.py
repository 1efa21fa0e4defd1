import math
from dataclasses import replace

import numpy as np
import pytest

from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.artifact import ArtifactError
from tanger.model.decoding.engine import NativeDecoder
from tanger.model.decoding.hypothesis import GivenPronunciation
from tanger.model.decoding.torch_decoder import TorchDecoder
from tanger.model.phonemizer import NetworkPhonemizer
from tests.support.artifacts import GRAPHEMES, PHONEMES, random_artifact
from tests.support.networks import STRESSED

GIVEN = [
    GivenPronunciation(GRAPHEMES.encode(word), PHONEMES.encode(spoken))
    for word, spoken in (
        ("A", "abcdefghi"), ("GABE", "abc"), ("FACADE", "a"), ("DEAD", "abba"), ("BAGGAGE", "hi"),
        ("EDGE", "hibachi" * 3), ("GABE", "abc"),
    )
]  # fmt: skip


def in_torch(artifact):
    return TorchDecoder.of([artifact], "cpu")


def assert_same(found, expected, tolerance):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.symbols.tolist() == other.symbols.tolist()
        np.testing.assert_allclose(
            np.exp(one.log_probabilities), np.exp(other.log_probabilities), atol=tolerance
        )
        assert (one.stress is None) == (other.stress is None)
        if one.stress is not None:
            np.testing.assert_allclose(np.exp(one.stress), np.exp(other.stress), atol=tolerance)


@pytest.mark.parametrize("kind", STRESSED)
def test_every_kind_of_network_scores_as_the_reference_does(tmp_path, kind):
    artifact = random_artifact(tmp_path / "random", STRESSED[kind])
    """But for the rounding to whole numbers."""
    assert_same(NativeDecoder(artifact).score(GIVEN), in_torch(artifact).score(GIVEN), 0.1)


@pytest.mark.parametrize("scorer", [NativeDecoder, in_torch])
def test_probabilities_are_some_and_special_symbols_have_none(tmp_path, scorer):
    artifact = random_artifact(tmp_path / "random", STRESSED["strong, with stress"])
    for given, scored in zip(GIVEN, scorer(artifact).score(GIVEN), strict=True):
        assert scored.symbols.tolist() == [*given.phonemes, PHONEMES.end]
        np.testing.assert_allclose(np.exp(scored.log_probabilities).sum(axis=1), 1, rtol=1e-4)
        np.testing.assert_allclose(np.exp(scored.stress).sum(axis=1), 1, rtol=1e-4)
        assert (scored.log_probabilities[:, PHONEMES.start] == -math.inf).all()


def test_what_the_engine_says_has_the_probability_that_it_says(shipped_artifact):
    artifact = artifacts.read(shipped_artifact)
    words = ["TANGER", "O'BRIEN", "ANGSTROM", "A", "SCHOOLMASTER", "BBC"]
    phonemizer = NetworkPhonemizer.load(shipped_artifact, "cpu")
    answers = phonemizer.pronounce(words)
    given = [
        GivenPronunciation(
            artifact.graphemes.encode(word), artifact.phonemes.encode(answer.phonemes)
        )
        for word, answer in zip(words, answers, strict=True)
    ]
    for answer, scored in zip(answers, phonemizer.decoder.score(given), strict=True):
        logs = scored.log_probabilities[np.arange(len(scored.symbols)), scored.symbols]
        np.testing.assert_allclose(np.exp(logs), answer.step_probabilities, atol=1e-5)


def test_whole_numbers_change_little(split, shipped_artifact):
    artifact = artifacts.read(shipped_artifact)
    entries = lexicon.read(split / "cmudict-0.7b.test")[::40]
    given = [
        GivenPronunciation(artifact.graphemes.encode(word), artifact.phonemes.encode(phonemes))
        for word, phonemes in entries
    ]

    def mean(scorer):
        logs = [
            s.log_probabilities[np.arange(len(s.symbols)), s.symbols].sum()
            for s in scorer.score(given)
        ]
        return np.mean(logs)

    assert mean(NativeDecoder(artifact)) == pytest.approx(mean(in_torch(artifact)), rel=0.02)


@pytest.mark.parametrize("scorer", [NativeDecoder, in_torch])
def test_weights_of_another_network(tmp_path, scorer):
    artifact = random_artifact(tmp_path / "random", STRESSED["strong, with stress"])
    network = {**artifact.network, "hidden": 2 * artifact.network["hidden"]}
    with pytest.raises(ArtifactError, match="do not fit"):
        scorer(replace(artifact, network=network))
