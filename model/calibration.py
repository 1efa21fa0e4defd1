"""Map a decoder's step probabilities to the probability that the pronunciation is correct.

The product of the step probabilities ranks answers well, but it is not calibrated: for one, label
smoothing makes every additional phoneme reduce it. A logistic regression fitted on held-out words
corrects this, as Platt scaling does for classifiers (Platt 1999, "Probabilistic Outputs for Support
Vector Machines"; Guo et al. 2017, "On Calibration of Modern Neural Networks"). The features include
squared log-odds: without them, the fit is overconfident for middle probabilities and underconfident
at both ends.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from tanger.model.lexicon import Entry

# L2 penalty on the standardised features. It keeps the fit to a lexicon that is small, or answered
# without an error, from claiming certainty.
_RIDGE = 1.0
_NEWTON_STEPS = 25
# Probabilities are clipped to this distance from 0 and 1 before their log-odds are taken.
_LEAST = 1e-6
# Upper bound of an answer's share of the probability that the more probable answers leave. A word
# may have two correct answers, but answers that are not listed stay possible.
_SHARE = 0.9


@dataclass(frozen=True)
class Calibration:
    """Logistic regression from step probabilities to the probability that an answer is correct.

    Attributes:
        intercept, product, steps, least, product_squared, least_squared: coefficients of 1, the
            log-odds of the product of the step probabilities, the number of steps, the log-odds of
            the smallest step probability, and the squares of both log-odds.
    """

    intercept: float
    product: float
    steps: float
    least: float
    product_squared: float = 0.0
    least_squared: float = 0.0

    def probability(self, step_probabilities: Sequence[float]) -> float:
        """Return the probability, 0 to 1, that an answer with these steps is correct."""
        product, steps, least = _features(step_probabilities)[:3]
        product, least = max(product, self._product_turn), max(least, self._turn)
        score = (
            self.intercept
            + product * (self.product + self.product_squared * product)
            + self.steps * steps
            + least * (self.least + self.least_squared * least)
        )
        return 1 / (1 + math.exp(-score)) if score > 0 else 1 - 1 / (1 + math.exp(score))

    @cached_property
    def _product_turn(self) -> float:
        """Log-odds that those of the product are clamped to, where its own parabola has a minimum.

        Not above `_turn`: there the smallest step probability may make up for the product.
        """
        return min(_minimum(self.product, self.product_squared), self._turn)

    @cached_property
    def _turn(self) -> float:
        """Log-odds of the minimum of the fitted parabola, when both log-odds fall together.

        Below it the probability would rise again, so the smallest log-odds are clamped to it.
        Almost no training answer has log-odds this low.
        """
        return _minimum(self.product + self.least, self.product_squared + self.least_squared)


def _minimum(slope: float, curve: float) -> float:
    """Return where ``slope * x + curve * x ** 2`` is least, minus infinity if it has no minimum."""
    return -slope / (2 * curve) if curve > 0 else -math.inf


def fit(answers: Sequence[Sequence[float]], right: Sequence[bool]) -> Calibration:
    """Fit a calibration to answers that are known to be correct or wrong.

    Args:
        answers: the step probabilities of each answer.
        right: whether each answer is correct, any-match.

    Raises:
        ValueError: if there are no answers.
    """
    if not answers:
        raise ValueError("nothing to calibrate on")
    features = np.array([_features(steps) for steps in answers])
    mean, spread = features.mean(axis=0), features.std(axis=0) + 1e-6
    x = np.column_stack([np.ones(len(features)), (features - mean) / spread])
    y = np.array(right, dtype=np.float64)
    weights, ridge = np.zeros(x.shape[1]), np.diag([_RIDGE] * x.shape[1])
    for _ in range(_NEWTON_STEPS):
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (p - y) + ridge @ weights
        hessian = (x * (p * (1 - p))[:, None]).T @ x + ridge
        weights -= np.linalg.solve(hessian, gradient)
    slopes = weights[1:] / spread
    return Calibration(float(weights[0] - slopes @ mean), *map(float, slopes))


def nbest_probabilities(
    calibration: Calibration,
    nbest_calibration: Calibration,
    answers: Sequence[Sequence[float]],
) -> list[float]:
    """Return the probability of each of several answers to one word; their sum is below 1.

    No probability is larger than the one before it, and none takes all that the preceding ones
    leave.

    Args:
        calibration: calibration fitted to each word's most probable answer.
        nbest_calibration: calibration fitted to the other answers.
        answers: the step probabilities of each answer, the most probable answer first.
    """
    probabilities: list[float] = []
    left = bound = 1.0
    for number, steps in enumerate(answers):
        probability = (nbest_calibration if number else calibration).probability(steps)
        bound = min(bound, probability, _SHARE * left if number else 1.0)
        left -= bound
        probabilities.append(bound)
    return probabilities


def _features(steps: Sequence[float]) -> tuple[float, int, float, float, float]:
    product, least = _log_odds(math.prod(steps)), _log_odds(min(steps, default=1.0))
    return product, len(steps), least, product**2, least**2


def _log_odds(probability: float) -> float:
    # Log-odds rather than the logarithm, which is bounded above by 0 and would bound the score too
    if probability < _LEAST:
        probability = _LEAST
    elif probability > 1 - _LEAST:
        probability = 1 - _LEAST
    return math.log(probability / (1 - probability))


class Bin(NamedTuple):
    """Answers of similar probability: number, mean probability and share of correct answers."""

    answers: int
    probability: float
    right: float


def reliability(
    probabilities: Sequence[float], right: Sequence[bool], *, bins: int = 10
) -> list[Bin]:
    """Group answers into `bins` equal intervals of probability; empty intervals are omitted."""
    p: np.ndarray[Any, Any] = np.asarray(probabilities, dtype=np.float64)
    y: np.ndarray[Any, Any] = np.asarray(right, dtype=np.float64)
    index = np.minimum((p * bins).astype(int), bins - 1)
    return [
        Bin(int(chosen.sum()), float(p[chosen].mean()), float(y[chosen].mean()))
        for chosen in (index == each for each in range(bins))
        if chosen.any()
    ]


def expected_calibration_error(table: Sequence[Bin]) -> float:
    """Return the expected calibration error (Guo et al. 2017, eq. 3).

    It is the mean distance between a bin's probability and its share of correct answers, weighted
    by the number of answers.
    """
    answers = sum(row.answers for row in table)
    return sum(row.answers * abs(row.probability - row.right) for row in table) / answers


# ------------------------------------------------------------------------------------------------
# Words to calibrate on, held out of training with a normal share of several pronunciations.
#
# If a lexicon is split by lines, no word with several pronunciations is entirely missing from
# training. Such words are answered correctly (any-match) more often, so that probabilities fitted
# without them are too low.


def hold_out(
    entries: Sequence[Entry], unseen: Sequence[Entry], *, seed: int
) -> tuple[list[Entry], list[Entry]]:
    """Split off words for calibration; return the remaining training entries, and the words.

    Args:
        entries: a training lexicon.
        unseen: other entries, such as a dev lexicon; words that are also in `entries` are ignored.
        seed: seed of the draw of words with several pronunciations.

    Returns:
        `entries` without the words held out, and `unseen` with them. Words with several
        pronunciations have the same share in it as in `entries`.
    """
    # Artifacts are read with this module, and need no lexicon
    from tanger.model.lexicon import pronunciations

    known = pronunciations(entries)
    several = [word for word, ways in known.items() if len(ways) > 1]
    kept = [entry for entry in unseen if entry.word not in known]
    single = {word for word, ways in pronunciations(kept).items() if len(ways) == 1}
    count = round(len(single) * len(several) / max(1, len(known) - len(several)))
    count -= len({entry.word for entry in kept}) - len(single)
    drawn = set(random.Random(seed).sample(several, min(max(0, count), len(several))))
    return (
        [entry for entry in entries if entry.word not in drawn],
        [*kept, *(entry for entry in entries if entry.word in drawn)],
    )
