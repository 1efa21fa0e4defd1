"""The artifact in the repository is what it says it is."""

import random

import pytest

from benchmarks.runaways import is_loop
from tanger.model import artifact, lexicon
from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.evaluation import report
from tanger.model.phonemizer import NetworkPhonemizer


@pytest.fixture(scope="module")
def phonemizer(shipped_artifact):
    return NetworkPhonemizer.load(shipped_artifact, "cpu")


def test_it_is_small_and_whole(shipped_artifact):
    assert artifact.read(shipped_artifact).name == "en-us"
    assert sum(path.stat().st_size for path in shipped_artifact.iterdir()) <= 10_000_000


def test_it_knows_the_words_of_its_training(shipped_artifact):
    words = artifact.read(shipped_artifact).trained_words
    assert all(words.contains(["SAID", "OF", "ZURICH", "TYPOGRAPHICAL"]))
    invented = [f"BLORG{first}{second}" for first in "ABCDEFGHIJ" for second in "ABCDEFGHIJ"]
    assert sum(words.contains(invented)) <= 5


def test_words_that_nobody_put_in_a_dictionary(phonemizer):
    answers = phonemizer.pronounce(["TANGER", "GRAPHEME", "BLOGOSPHERE"])
    assert [" ".join(answer.phonemes) for answer in answers[:1]] == ["T AE NG ER"]
    assert all(answer.complete for answer in answers)


def test_its_metrics_are_those_of_its_answers(phonemizer, shipped_artifact, split):
    found = report.evaluate(
        phonemizer, split / "cmudict-0.7b.test", stress_path=split / "cmudict-0.7b"
    )
    kept = artifact.read(shipped_artifact).metrics()["cmudict-0.7b.test"]
    # Another processor rounds otherwise: a word in two thousand may tip over.
    assert found.any_match.wer == pytest.approx(kept["any_match"]["wer"], abs=0.0005)
    assert found.per_line.wer == pytest.approx(kept["per_line"]["wer"], abs=0.0005)
    assert found.any_match.words == 11_994
    # Phonetisaurus, trained on the same split, makes 25.59 and 6.11 %
    assert found.any_match.wer < 0.2559
    assert found.any_match.per < 0.061
    # Its own training has these words, and their probabilities fit such words
    assert found.calibration_error < 0.025
    assert found.mflop_per_word < 33
    assert found.stress.wer == pytest.approx(kept["stress"]["wer"], abs=0.0005)
    # All but the few that are answered without a vowel, as BLVD is: nothing there bears stress
    assert found.stress.one_primary >= 0.9995


def test_every_word_with_a_vowel_has_one_primary_stress(phonemizer, split):
    words = list(lexicon.pronunciations(lexicon.read(split / "cmudict-0.7b.test")))
    draw = random.Random(3)
    for answer in phonemizer.pronounce(["BLVD", *draw.sample(words, 2000)]):
        vowels = [digit for digit in answer.stress if digit is not None]
        assert vowels.count(1) == (1 if vowels else 0), answer


def test_teachers_are_whole_and_small(shipped_artifact):
    teachers = [path for path in (shipped_artifact.parent / "teachers").iterdir() if path.is_dir()]
    assert 1 <= len(teachers) <= 4
    for teacher in teachers:
        assert artifact.read(teacher).name == teacher.name
        assert (teacher / "weights.safetensors").stat().st_size <= 8_000_000


@pytest.mark.parametrize(("phonemes", "loop"), [
    ("T AE NG ER", False), ("M AA M AA M AA", True), ("K AA AA AA", True), ("AA AA T AA", False),
    ("N IY N IY", False), ("", False),
])  # fmt: skip
def test_what_a_loop_is(phonemes, loop):
    assert is_loop(Hypothesis(tuple(phonemes.split()), (), complete=False)) == loop


def test_it_never_runs_in_loops(phonemizer):
    draw = random.Random(2)
    letters = phonemizer.graphemes.own
    words = ["".join(draw.choices(letters, k=draw.randint(1, 64))) for _ in range(300)]
    answers = phonemizer.pronounce(words)
    assert not [w for w, a in zip(words, answers, strict=True) if not a.complete and is_loop(a)]
