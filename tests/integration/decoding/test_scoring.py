import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from test_engine import GRAPHEMES, PHONEMES, STRESSED, written

from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.artifact import ArtifactError
from tanger.model.decoding import scoring
from tanger.model.decoding.hypothesis import Given
from tanger.model.decoding.onnx_scoring import OnnxScorer
from tanger.model.decoding.torch_scoring import TorchScorer
from tanger.model.phonemizer import Phonemizer

GIVEN = [
    Given(GRAPHEMES.encode(word), PHONEMES.encode(spoken))
    for word, spoken in (
        ("A", "abcdefghi"), ("GABE", "abc"), ("FACADE", "a"), ("DEAD", "abba"), ("BAGGAGE", "hi"),
        ("EDGE", "hibachi" * 3), ("GABE", "abc"),
    )
]  # fmt: skip


def assert_same(found, expected, tolerance):
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.symbols.tolist() == other.symbols.tolist()
        np.testing.assert_allclose(one.logs, other.logs, atol=tolerance)
        assert (one.stress is None) == (other.stress is None)
        if one.stress is not None:
            np.testing.assert_allclose(one.stress, other.stress, atol=tolerance)


@pytest.mark.parametrize("kind", STRESSED)
def test_every_kind_of_network_scores_as_the_reference_does(tmp_path, kind):
    artifact = written(tmp_path / "random", STRESSED[kind])
    found = OnnxScorer(artifact, precision="float32").score(GIVEN)
    assert_same(found, TorchScorer.of(artifact).score(GIVEN), 1e-3)


@pytest.mark.parametrize("scorer", [OnnxScorer, TorchScorer.of])
def test_probabilities_are_some_and_special_symbols_have_none(tmp_path, scorer):
    artifact = written(tmp_path / "random", STRESSED["strong, with stress"])
    for given, scored in zip(GIVEN, scorer(artifact).score(GIVEN), strict=True):
        assert scored.symbols.tolist() == [*given.phonemes, PHONEMES.end]
        np.testing.assert_allclose(np.exp(scored.logs).sum(axis=1), 1, rtol=1e-4)
        np.testing.assert_allclose(np.exp(scored.stress).sum(axis=1), 1, rtol=1e-4)
        assert (scored.logs[:, PHONEMES.start] == -math.inf).all()


def test_what_the_engine_says_has_the_probability_that_it_says(shipped_artifact):
    """To a hundredth: the compiled decode rounds to whole numbers in its own places."""
    artifact = artifacts.read(shipped_artifact)
    words = ["TANGER", "O'BRIEN", "ANGSTROM", "A", "SCHOOLMASTER", "BBC"]
    answers = Phonemizer.load(shipped_artifact, "cpu").pronounce(words)
    given = [
        Given(artifact.graphemes.encode(word), artifact.phonemes.encode(answer.phonemes))
        for word, answer in zip(words, answers, strict=True)
    ]
    for answer, scored in zip(answers, scoring.load(artifact).score(given), strict=True):
        logs = scored.logs[np.arange(len(scored.symbols)), scored.symbols]
        np.testing.assert_allclose(np.exp(logs), answer.step_probabilities, atol=0.01)


def test_whole_numbers_change_little(split, shipped_artifact):
    artifact = artifacts.read(shipped_artifact)
    entries = lexicon.read(split / "cmudict-0.7b.test")[::40]
    given = [
        Given(artifact.graphemes.encode(word), artifact.phonemes.encode(phonemes))
        for word, phonemes in entries
    ]

    def mean(scorer):
        logs = [s.logs[np.arange(len(s.symbols)), s.symbols].sum() for s in scorer.score(given)]
        return np.mean(logs)

    assert mean(OnnxScorer(artifact)) == pytest.approx(mean(TorchScorer.of(artifact)), rel=0.02)


def test_without_onnx_runtime_torch_scores(tmp_path, monkeypatch):
    artifact = written(tmp_path / "random", STRESSED["strong, with stress"])
    monkeypatch.setattr("tanger.model.decoding.native.build.library", lambda: None)
    assert isinstance(scoring.load(artifact), OnnxScorer)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert isinstance(scoring.load(artifact), TorchScorer)


@pytest.mark.parametrize("scorer", [OnnxScorer, TorchScorer.of])
def test_weights_of_another_network(tmp_path, scorer):
    artifact = written(tmp_path / "random", STRESSED["strong, with stress"])
    network = {**artifact.network, "hidden": 2 * artifact.network["hidden"]}
    with pytest.raises(ArtifactError, match="do not fit"):
        scorer(replace(artifact, network=network))
