import math

import numpy as np
import pytest

from tanger.model.decoding.hypothesis import Hypothesis, Scored
from tanger.model.lexicon import Entry
from tanger.model.lint import error_classifier
from tanger.model.lint.error_classifier import Features
from tanger.model.lint.rules import Conventions, Stem
from tanger.model.phonology.notation import ARPABET

SYMBOLS = ("</s>", "T", "D", "AE", "IH")
VOWELS = [False, False, False, True, True]
STRESSED = Conventions(ARPABET, [Entry("AT", ("AE1", "T"))])
BARE = Conventions(ARPABET, [Entry("AT", ("AE", "T"))])


def scored(steps, *, stress=None):
    """Scores of a network: for each step the given symbol, and the probabilities of all symbols."""
    spoken = [SYMBOLS.index(symbol) for symbol, _ in steps]
    logs = np.full((len(steps), len(SYMBOLS)), -math.inf)
    for row, (_, chances) in zip(logs, steps, strict=True):
        for symbol, chance in chances.items():
            row[SYMBOLS.index(symbol)] = math.log(chance)
    return Scored(np.array(spoken), logs, None if stress is None else np.log(np.array(stress)))


def looked_at(text, what, *, answer="AE T", conventions=STRESSED, stem=None):
    pronunciation = conventions.parse(tuple(text.split()))
    hypothesis = Hypothesis(tuple(answer.split()), (0.5, 0.5, 1.0), complete=True)
    return error_classifier.extract_features(
        pronunciation, what, hypothesis, stem, conventions, VOWELS
    )


AT = [
    ("AE", {"AE": 0.5, "IH": 0.25, "T": 0.25}),
    ("T", {"T": 0.5, "D": 0.5}),
    ("</s>", {"</s>": 1}),
]
IT = [
    ("IH", {"AE": 0.5, "IH": 0.25, "T": 0.25}),
    ("T", {"T": 0.5, "D": 0.5}),
    ("</s>", {"</s>": 1}),
]
TT = [("T", {"AE": 0.5, "IH": 0.25, "T": 0.25}), ("T", {"T": 0.5, "D": 0.5}), ("</s>", {"</s>": 1})]


def test_the_networks_own_answer_raises_no_doubts():
    found = looked_at("AE1 T", scored(AT))
    # The first step has the largest entropy: 0.5, 0.25, 0.25
    unsure = pytest.approx(1.5 * math.log(2))
    assert found == Features(mean=pytest.approx(math.log(4) / 3), unsure=unsure)


def test_surprises_by_kind():
    vowel = looked_at("IH1 T", scored(IT))
    assert vowel.vowel == pytest.approx(math.log(2))
    assert (vowel.sound, vowel.edits) == (0, 1)
    assert vowel.likelihood == pytest.approx(math.log(2))
    other = looked_at("T T", scored(TT))
    assert other.sound == pytest.approx(math.log(2))
    assert (other.vowel, other.no_vowel, other.no_primary) == (0, 1, 1)


def test_stress():
    #         none  0     1     2
    likely = [[0.01, 0.09, 0.80, 0.10], [0.97, 0.01, 0.01, 0.01], [0.01, 0.59, 0.30, 0.10]]
    steps = [*AT[:2], ("IH", {"IH": 1}), ("</s>", {"</s>": 1})]
    what = scored(steps, stress=[*likely, [1, 1e-9, 1e-9, 1e-9]])
    assert error_classifier.likely_digits(what) == (1, None, 0)
    right = looked_at("AE1 T IH0", what)
    assert (right.digit, right.moved, right.primaries) == (0, 0, 0)
    moved = looked_at("AE0 T IH1", what)
    assert moved.digit == pytest.approx(math.log(0.80 / 0.09))
    assert moved.moved == pytest.approx(math.log(0.80 / 0.10) - math.log(0.30 / 0.59))
    twice = looked_at("AE1 T IH1", what)
    assert (twice.primaries, twice.moved) == (1, 0)
    assert twice.digit == pytest.approx(math.log(0.59 / 0.30))
    bare = looked_at("AE T IH", what, conventions=BARE)
    assert (bare.digit, bare.moved, bare.no_primary) == (0, 0, 0)


@pytest.mark.parametrize(
    ("agrees", "sounds_agree", "doubt"),
    [(True, True, "agrees"), (False, True, "stem_stress"), (False, False, "disagrees")],
)
def test_stems(agrees, sounds_agree, doubt):
    found = looked_at("AE1 T", scored(AT), stem=Stem((), agrees, sounds_agree))
    named = [name for name in ("agrees", "stem_stress", "disagrees") if getattr(found, name)]
    assert named == [doubt]


def test_terms_bend_where_surprise_begins():
    assert error_classifier.terms(Features(sound=2))["sound_surprising"] == 0
    assert error_classifier.terms(Features(sound=4))["sound_surprising"] == 1
    assert error_classifier.terms(Features(vowel=6))["vowel_unheard_of"] == 1
    assert error_classifier.terms(Features()).keys() == error_classifier.WEIGHTS.keys()


def test_more_doubt_is_more_suspicion():
    nothing = error_classifier.probability(Features())
    assert 0 < nothing < 0.02
    for worse in (Features(sound=6), Features(vowel=7, mean=1), Features(primaries=1),
                  Features(no_vowel=1),
                  Features(moved=9, digit=9), Features(disagrees=1)):  # fmt: skip
        assert error_classifier.probability(worse) > nothing
    assert error_classifier.probability(Features(agrees=1)) < nothing
    assert error_classifier.probability(Features(sound=1000)) == 1.0


def test_stress_alone():
    assert error_classifier.is_mainly_stress(Features(primaries=1))
    assert not error_classifier.is_mainly_stress(Features(primaries=1, sound=7))
