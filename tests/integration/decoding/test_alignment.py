"""Which letters made which phoneme."""

import random
from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanger.model import artifact as artifact_folder
from tanger.model.decoding.engine import NativeDecoder
from tanger.model.decoding.torch_decoder import TorchDecoder
from tanger.model.network.ensemble import Ensemble
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.phonology.alignment import AlignmentError, align, of_letters, spans
from tests.support.artifacts import WORDS, random_artifact
from tests.support.networks import STRESSED

ATTENTIVE = [name for name, config in STRESSED.items() if config.attention]


def looking(*letters, of):
    """Attention that is nearly all paid to these letters of so many, one a phoneme."""
    attention = np.full((len(letters), of), 0.1 / of)
    attention[range(len(letters)), letters] += 0.9
    return attention


@pytest.mark.parametrize(("letters", "of", "expected"), [
    ((0, 1, 2, 4), 6, [(0, 1), (1, 2), (2, 4), (4, 6)]),  # T-A-NG-ER
    ((0, 1, 2, 2), 3, [(0, 1), (1, 2), (2, 3), (2, 3)]),  # BOX: K and S of the X
    ((1, 2, 5), 6, [(0, 2), (2, 5), (5, 6)]),  # KN-IGH-T
    ((0, 0), 2, [(0, 2), (0, 2)]),
    ((1, 1, 2), 4, [(0, 2), (0, 2), (2, 4)]),
    ((0,), 1, [(0, 1)]),
    ((), 3, []),
    ((0, 3, 1, 4), 5, None),  # looks back for once
])  # fmt: skip
def test_letters_of_phonemes(letters, of, expected):
    found = spans(looking(*letters, of=of))
    if expected is not None:
        assert found == expected
    assert len(found) == len(letters)


@given(st.integers(1, 5), st.integers(0, 5), st.integers())
def test_the_path_is_the_best_that_never_goes_back(letters, phonemes, seed):
    draw = random.Random(seed)
    attention = np.array([[draw.uniform(0.01, 1) for _ in range(letters)] for _ in range(phonemes)])
    attention = attention.reshape(phonemes, letters) / max(1, letters)
    found = spans(attention)
    paths = list(combinations_with_replacement(range(letters), phonemes))
    scores = [np.log(attention[range(phonemes), path]).sum() for path in paths]
    best = paths[int(np.argmax(scores))]
    for (start, end), first in zip(found, best, strict=True):
        assert start == (0 if first == best[0] else first)
        assert end == min((later for later in best if later > first), default=letters)
    if found:
        assert {letter for start, end in found for letter in range(start, end)} == {*range(letters)}


def test_what_is_reported():
    attention = looking(0, 1, of=3)
    reported = align("abc", attention, [0.9, 0.8, 0.7])
    assert reported.spans == [(0, 1), (1, 3)]
    assert reported.probabilities == (0.9, 0.8)
    np.testing.assert_allclose(reported.attention, attention, atol=1e-5)


def test_attention_that_went_elsewhere_is_taken_off():
    shares = of_letters(np.array([[0.2, 0.2], [0.0, 0.5], [0.0, 0.0]]))
    assert shares.tolist() == [[0.5, 0.5], [0, 1], [0, 0]]


@pytest.mark.parametrize("kind", ATTENTIVE)
def test_the_compiled_one_looks_where_torch_does(tmp_path, kind):
    artifact = random_artifact(tmp_path / "random", STRESSED[kind])
    reference = TorchDecoder.of([artifact], "cpu")
    engine = NativeDecoder(artifact)
    spoken = [answer.symbols for answer in reference.decode(WORDS)]
    spoken[1] = []
    found = engine.attention(WORDS, spoken)
    for paid, expected, word, symbols in zip(
        found, reference.attention(WORDS, spoken), WORDS, spoken, strict=True
    ):
        assert paid.shape == (len(symbols), len(word))
        np.testing.assert_allclose(paid, expected, atol=0.1)  # it rounds to whole numbers
        np.testing.assert_allclose(paid.sum(axis=1), 1, atol=1e-4)
    assert engine.attention([], []) == []


def test_boundaries_are_no_letters(tmp_path):
    config = replace(STRESSED[ATTENTIVE[0]], add_bos_eos=True)
    artifact = random_artifact(tmp_path / "random", config)
    spoken = [[3, 4]] * len(WORDS)
    for decoder in (NativeDecoder(artifact), TorchDecoder.of([artifact], "cpu")):
        for paid, word in zip(decoder.attention(WORDS, spoken), WORDS, strict=True):
            assert paid.shape == (2, len(word))
            np.testing.assert_allclose(paid.sum(axis=1), 1, atol=1e-4)


def test_several_networks_look_as_they_do_on_average(tmp_path):
    config = STRESSED[ATTENTIVE[0]]
    artifacts = [random_artifact(tmp_path / str(seed), config, seed) for seed in (1, 2)]
    spoken = [[3, 4, 5]] * len(WORDS)
    together = TorchDecoder.of(artifacts, "cpu")
    assert isinstance(together.network, Ensemble)
    each = [TorchDecoder.of([artifact], "cpu").attention(WORDS, spoken) for artifact in artifacts]
    for paid, *alone in zip(together.attention(WORDS, spoken), *each, strict=True):
        np.testing.assert_allclose(paid, np.mean(alone, axis=0), atol=1e-5)


def test_a_network_without_attention_says_so(tmp_path):
    artifact = random_artifact(tmp_path / "random", STRESSED["tutorial"])
    for decoder in (NativeDecoder(artifact), TorchDecoder.of([artifact], "cpu")):
        with pytest.raises(AlignmentError, match="without alignment"):
            decoder.attention(WORDS, [[3]] * len(WORDS))


@pytest.fixture(scope="module")
def shipped(shipped_artifact):
    return NetworkPhonemizer.load(shipped_artifact, "cpu")


@pytest.mark.parametrize(("word", "letters"), [
    ("TANGER", "T A NG ER"), ("BOX", "B O X X"), ("KNIGHT", "KN IGH T"), ("THROUGH", "TH R OUGH"),
    ("PHOTO", "PH O T O"), ("CATCHING", "C A TCH I NG"),
])  # fmt: skip
def test_letters_that_everybody_would_say(shipped, word, letters):
    ((answer,),) = shipped.nbest([word], 1, aligned=True)
    assert [word[start:end] for start, end in answer.alignment.spans] == letters.split()


@pytest.mark.parametrize("maximum", [1, 3])
def test_alignments_come_with_their_answers(shipped, maximum):
    words = ["TANGER", "A", "STRENGTHS", "READ", "B"]
    plain = shipped.nbest(words, maximum)
    for word, answers, bare in zip(
        words, shipped.nbest(words, maximum, aligned=True), plain, strict=True
    ):
        assert [one.phonemes for one in answers] == [one.phonemes for one in bare]
        for one in answers:
            found = one.alignment
            assert len(found.spans) == len(found.attention) == len(one.phonemes)
            assert found.probabilities == one.step_probabilities[: len(one.phonemes)]
            assert all(len(row) == len(word) for row in found.attention)
            starts = [start for start, _ in found.spans]
            assert starts == sorted(starts)
            assert all(start < end <= len(word) for start, end in found.spans)
        assert all(one.alignment is None for one in bare)


def test_an_artifact_knows_whether_it_can(shipped_artifact, tmp_path):
    assert artifact_folder.read(shipped_artifact).has_attention
    assert not random_artifact(tmp_path / "random", STRESSED["tutorial"]).has_attention


@pytest.mark.parametrize("precision", ["int8", "float32"])
def test_given_pronunciations_are_aligned_like_answers(shipped_artifact, precision):
    phonemizer = NetworkPhonemizer.load(shipped_artifact, "cpu", precision=precision)
    words = ["TANGER", "STRENGTHS", "READ"]
    answers = phonemizer.nbest(words, 2, aligned=True)
    given = phonemizer.align(words, [[one.phonemes for one in found] for found in answers])
    for found, same in zip(answers, given, strict=True):
        for one, again in zip(found, same, strict=True):
            assert again.phonemes == one.phonemes
            assert again.alignment.letters == one.alignment.letters
            assert again.alignment.spans == one.alignment.spans
            assert again.step_probabilities == pytest.approx(one.step_probabilities, abs=2e-3)


def test_a_given_pronunciation_keeps_its_stress(shipped):
    ((found,),) = shipped.align(["COLONEL"], [[("K", "ER1", "N", "AH0", "L")]])
    assert found.phonemes == ("K", "ER", "N", "AH", "L")
    assert found.stress == (None, 1, None, 0, None)
    letters = ["COLONEL"[start:end] for start, end in found.alignment.spans]
    assert letters == ["C", "OLO", "N", "E", "L"]
