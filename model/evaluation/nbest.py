"""How good several answers a word are: how often one of them is right, and how sure they may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tanger.model import calibration
from tanger.model.calibration import Calibration
from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.phonemizer import Phonemizer

# Answers to a word that are scored, and calibrated on.
_REQUESTED = 5
# Among how many of them, the likeliest first, a right one is looked for.
_AMONG = (1, 3, 5)


@dataclass(frozen=True)
class AlternativesScore:
    """What lists of answers did on a lexicon, any-match.

    Attributes:
        wer: by so many answers a word, the share of words of which none is right (the oracle's).
        calibration_error: expected calibration error of the probabilities behind the first.
        first_is_greedy: share of the lists that begin with the greedy answer.
    """

    wer: dict[int, float]
    calibration_error: float
    first_is_greedy: float

    def as_dict(self) -> dict[str, Any]:
        """For ``metrics.json``."""
        return {
            "wer": {str(maximum): wer for maximum, wer in self.wer.items()},
            "calibration_error": self.calibration_error,
            "first_is_greedy": self.first_is_greedy,
        }


def score(
    phonemizer: Phonemizer,
    references: Mapping[str, Sequence[tuple[str, ...]]],
    greedy: Mapping[str, Hypothesis],
) -> AlternativesScore:
    """Ask for several answers to the words that were answered greedily.

    Args:
        phonemizer: what answers.
        references: right pronunciations by word; words that were not answered count as wrong.
        greedy: what `Phonemizer.pronounce` says.
    """
    lists = dict(zip(greedy, phonemizer.alternatives(list(greedy), _REQUESTED), strict=True))
    right = {
        word: [answer.phonemes in references[word] for answer in answers]
        for word, answers in lists.items()
    }
    following = [answer.probability for answers in lists.values() for answer in answers[1:]]
    table = calibration.reliability(
        following, [each for marks in right.values() for each in marks[1:]]
    )
    return AlternativesScore(
        wer={
            maximum: 1 - sum(any(marks[:maximum]) for marks in right.values()) / len(references)
            for maximum in _AMONG
        },
        calibration_error=calibration.expected_calibration_error(table) if table else 0.0,
        first_is_greedy=sum(
            answers[0].phonemes == greedy[word].phonemes for word, answers in lists.items()
        )
        / len(lists),
    )


def fit(
    phonemizer: Phonemizer, references: Mapping[str, Sequence[tuple[str, ...]]]
) -> Calibration | None:
    """Fit probabilities to the answers that are not their word's likeliest, if there are any.

    Args:
        phonemizer: what answers.
        references: right pronunciations by word, each one in the artifact's graphemes.
    """
    answers, right = [], []
    for word, found in zip(
        references, phonemizer.alternatives(list(references), _REQUESTED), strict=True
    ):
        answers += [answer.step_probabilities for answer in found[1:]]
        right += [answer.phonemes in references[word] for answer in found[1:]]
    return calibration.fit(answers, right) if answers else None
