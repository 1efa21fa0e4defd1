"""The artifact in the repository is what it says it is."""

import pytest

from model import checkpoint, evaluation
from model.phonemizer import Phonemizer


@pytest.fixture(scope="module")
def phonemizer(shipped_artifact):
    return Phonemizer.load(shipped_artifact, "cpu")


def test_it_is_small_and_whole(shipped_artifact):
    assert checkpoint.read(shipped_artifact).name == "en-us"
    assert sum(path.stat().st_size for path in shipped_artifact.iterdir()) <= 10_000_000


def test_words_that_nobody_put_in_a_dictionary(phonemizer):
    answers = phonemizer.pronounce(["TANGER", "GRAPHEME", "BLOGOSPHERE"])
    assert [" ".join(answer.phonemes) for answer in answers[:1]] == ["T AE NG ER"]
    assert all(answer.complete for answer in answers)


def test_its_metrics_are_those_of_its_answers(phonemizer, shipped_artifact, split):
    found = evaluation.evaluate(phonemizer, split / "cmudict-0.7b.test")
    kept = checkpoint.read(shipped_artifact).metrics()["cmudict-0.7b.test"]
    # Another processor rounds otherwise: a word in two thousand may tip over.
    assert found.any_match.wer == pytest.approx(kept["any_match"]["wer"], abs=0.0005)
    assert found.per_line.wer == pytest.approx(kept["per_line"]["wer"], abs=0.0005)
    assert found.any_match.words == 11_994
    # Against falling back. The aim, 25.59 % (Phonetisaurus), is not reached yet.
    assert found.any_match.wer < 0.26
    assert found.any_match.per < 0.061
