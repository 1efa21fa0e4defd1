"""Evaluate and calibrate n-best lists: several answers per word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tanger.model import calibration
from tanger.model.calibration import Calibration
from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.phonemizer import NetworkPhonemizer

# Answers per word that are scored and calibrated on.
_NBEST = 5
# Sizes of n-best lists for which the oracle WER is computed.
_ORACLE_SIZES = (1, 3, 5)


@dataclass(frozen=True)
class NBestScore:
    """Scores of n-best lists on a lexicon, any-match.

    Attributes:
        wer: oracle word error rate by size of the list: share of words without a correct answer.
        calibration_error: expected calibration error of all answers but the first.
        first_is_greedy: share of lists whose first answer is the greedy one.
    """

    wer: dict[int, float]
    calibration_error: float
    first_is_greedy: float


def score(
    phonemizer: NetworkPhonemizer,
    references: Mapping[str, Sequence[tuple[str, ...]]],
    greedy: Mapping[str, Hypothesis],
) -> NBestScore:
    """Decode and score n-best lists for the words of `greedy`.

    Args:
        phonemizer: the loaded artifact.
        references: correct pronunciations by word; words that are not in `greedy` count as wrong.
        greedy: the answers of `NetworkPhonemizer.pronounce`.
    """
    lists = dict(zip(greedy, phonemizer.nbest(list(greedy), _NBEST), strict=True))
    right = {
        word: [answer.phonemes in references[word] for answer in answers]
        for word, answers in lists.items()
    }
    following = [answer.probability for answers in lists.values() for answer in answers[1:]]
    table = calibration.reliability(
        following, [each for marks in right.values() for each in marks[1:]]
    )
    return NBestScore(
        wer={
            n: 1 - sum(any(marks[:n]) for marks in right.values()) / len(references)
            for n in _ORACLE_SIZES
        },
        calibration_error=calibration.expected_calibration_error(table) if table else 0.0,
        first_is_greedy=sum(
            answers[0].phonemes == greedy[word].phonemes for word, answers in lists.items()
        )
        / len(lists),
    )


def fit(
    phonemizer: NetworkPhonemizer, references: Mapping[str, Sequence[tuple[str, ...]]]
) -> Calibration | None:
    """Fit a calibration to all but the most probable answers; None if there are no others.

    Args:
        phonemizer: the loaded artifact.
        references: correct pronunciations by word, spelled in the artifact's graphemes.
    """
    answers, right = [], []
    for word, found in zip(references, phonemizer.nbest(list(references), _NBEST), strict=True):
        answers += [answer.step_probabilities for answer in found[1:]]
        right += [answer.phonemes in references[word] for answer in found[1:]]
    return calibration.fit(answers, right) if answers else None
