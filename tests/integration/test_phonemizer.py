import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tanger.model import artifact, lexicon
from tanger.model.artifact import ArtifactError
from tanger.model.bloom_filter import BloomFilter
from tanger.model.calibration import Calibration
from tanger.model.decoding.devices import DeviceError
from tanger.model.decoding.hypothesis import length_bound
from tanger.model.decoding.torch_decoder import TorchDecoder
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.phonology.vocabulary import UnknownSymbolError

WORDS = st.text("ABDEGNRT'", min_size=1, max_size=20)


@pytest.fixture(scope="module")
def phonemizer(tiny_artifact):
    return NetworkPhonemizer.load(tiny_artifact, "cpu")


def test_has_learnt_the_little_language(phonemizer, little_lexicon):
    entries = lexicon.read(little_lexicon["test"])
    answers = phonemizer.pronounce([entry.word for entry in entries])
    right = sum(a.phonemes == e.phonemes for a, e in zip(answers, entries, strict=True))
    assert right >= 0.9 * len(entries)


@given(words=st.lists(WORDS, min_size=1, max_size=12))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.differing_executors])
def test_an_answer_hangs_on_its_word_alone(phonemizer, words):
    together = phonemizer.pronounce(words)
    for word, answer in zip(words, together, strict=True):
        (alone,) = phonemizer.pronounce([word])
        assert answer.phonemes == alone.phonemes
        assert answer.complete == alone.complete
        assert answer.step_probabilities == pytest.approx(alone.step_probabilities, abs=1e-5)
        assert answer.probability == pytest.approx(alone.probability, abs=1e-5)


def test_what_is_spoken_is_what_is_pronounced(phonemizer):
    words = ["TANGER", "BAD", "A"]
    reported = [(answer.phonemes, answer.stress) for answer in phonemizer.pronounce(words)]
    assert list(phonemizer.predict(words)) == reported
    with pytest.raises(UnknownSymbolError):
        phonemizer.predict(["42"])


@given(word=WORDS)
@settings(deadline=None, max_examples=40)
def test_a_hypothesis_is_consistent(phonemizer, word):
    (answer,) = phonemizer.pronounce([word])
    assert len(answer.step_probabilities) == len(answer.phonemes) + answer.complete
    assert len(answer.step_probabilities) <= length_bound(len(word))
    assert answer.complete or len(answer.phonemes) == length_bound(len(word))
    assert all(0 < p <= 1 + 1e-6 for p in answer.step_probabilities)
    assert set(answer.phonemes) <= set(phonemizer.phonemes.own)


@given(words=st.lists(WORDS, min_size=1, max_size=6), maximum=st.integers(2, 10))
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.differing_executors])
def test_several_answers(phonemizer, words, maximum):
    greedy = phonemizer.pronounce(words)
    for answers, one in zip(phonemizer.nbest(words, maximum), greedy, strict=True):
        assert 1 <= len(answers) <= maximum
        assert len({answer.phonemes for answer in answers}) == len(answers)
        chances = [answer.probability for answer in answers]
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) <= 1 + 1e-6
        (same,) = [answer for answer in answers if answer.phonemes == one.phonemes]
        assert same.complete == one.complete
        if same is answers[0]:
            assert same.probability == pytest.approx(one.probability, abs=1e-5)


def test_words_of_the_training_have_probabilities_of_their_own(phonemizer):
    unsure, sure = Calibration(-1, 1, 0, 0), Calibration(5, 1, 0, 0)
    network = NetworkPhonemizer(
        phonemizer.decoder, phonemizer.graphemes, phonemizer.phonemes, calibration=unsure,
        trained_words=BloomFilter.of(["TANGER"]), trained_calibration=sure,
    )  # fmt: skip
    words = ["TANGER", "BRAND"]
    trained, new = network.pronounce(words)
    assert trained.probability == sure.probability(trained.step_probabilities)
    assert new.probability == unsure.probability(new.step_probabilities)
    first = [answers[0].probability for answers in network.nbest(words, 3)]
    assert first == pytest.approx([trained.probability, new.probability], abs=1e-5)


def test_one_answer_is_the_greedy_one(phonemizer):
    words = ["TANGER", "BRAND"]
    assert phonemizer.nbest(words, 1) == [[one] for one in phonemizer.pronounce(words)]
    with pytest.raises(ValueError, match="empty"):
        phonemizer.nbest(["A", ""], 3)


def test_torch_finds_the_same_answers(phonemizer, tiny_artifact):
    found = artifact.read(tiny_artifact)
    in_torch = NetworkPhonemizer(
        TorchDecoder.of([found], "cpu"), found.graphemes, found.phonemes,
        calibration=found.calibration,
    )  # fmt: skip
    exact = NetworkPhonemizer.load(tiny_artifact, "cpu", precision="float32")
    words = ["TANGER", "BRAND", "GRAND", "A", "TEN"]
    for ours, reference in zip(exact.nbest(words, 4), in_torch.nbest(words, 4), strict=True):
        assert [one.phonemes for one in ours] == [one.phonemes for one in reference]
        assert [one.probability for one in ours] == pytest.approx(
            [one.probability for one in reference], abs=1e-3
        )


def test_more_words_than_a_batch_come_back_in_order(phonemizer):
    words = ["TANGER", "A", "BRAND"] * 200
    answers = phonemizer.pronounce(words)
    assert [a.phonemes for a in answers[:3]] * 200 == [a.phonemes for a in answers]


def test_no_words_have_no_answers(phonemizer):
    assert phonemizer.pronounce([]) == []


def test_an_empty_word_is_refused(phonemizer):
    with pytest.raises(ValueError, match="empty word"):
        phonemizer.pronounce(["TANGER", ""])


def test_a_strange_grapheme_is_named(phonemizer):
    with pytest.raises(UnknownSymbolError) as caught:
        phonemizer.pronounce(["TAXI"])
    assert caught.value.symbol == "X"


def test_a_device_that_is_not_there_is_reported(tiny_artifact):
    with pytest.raises(DeviceError, match="cuda:93"):
        NetworkPhonemizer.load(tiny_artifact, "cuda:93")


def test_weights_of_another_network_are_refused(tiny_artifact, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tiny_artifact, copy)
    (copy / "weights.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(ArtifactError, match=r"weights\.safetensors"):
        NetworkPhonemizer.load(copy, "cpu")
