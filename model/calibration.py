"""From a decoder's step probabilities to the chance that the pronunciation is right.

A trained decoder's product of step probabilities says which answer is surer, but not how sure:
label smoothing alone costs every further phoneme some of it. A logistic regression on held-out
words mends that, as Platt scaling does for classifiers (Platt 1999, "Probabilistic Outputs for
Support Vector Machines"; Guo et al. 2017, "On Calibration of Modern Neural Networks"). Squares of
the log-odds are among its features: a line alone is too sure in the middle, and not sure enough at
either end.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

# Strength of the pull towards zero on standardised features: it keeps a lexicon of few words, or
# one that is answered all right, from claiming certainty.
_RIDGE = 1.0
_NEWTON_STEPS = 25
# Probabilities nearer than this to 0 or 1 are all one to the log-odds.
_LEAST = 1e-6
# The most that an answer gets of what the likelier ones leave: a word may have two right ones,
# but what is listed behind them is not impossible.
_SHARE = 0.9


@dataclass(frozen=True)
class Calibration:
    """The chance that an answer is right, from what the decoder thought of its steps.

    Attributes:
        intercept, product, steps, least, product_squared, least_squared: what the regression
            multiplies 1, the log-odds of the product of the step probabilities, their number, the
            log-odds of the least of them, and the squares of both log-odds with.
    """

    intercept: float
    product: float
    steps: float
    least: float
    product_squared: float = 0.0
    least_squared: float = 0.0

    def probability(self, step_probabilities: Sequence[float]) -> float:
        """Chance, between 0 and 1, that an answer with these step probabilities is right."""
        product, steps, least = _features(step_probabilities)[:3]
        least = max(least, self._turn)
        score = (
            self.intercept
            + product * (self.product + self.product_squared * product)
            + self.steps * steps
            + least * (self.least + self.least_squared * least)
        )
        return 1 / (1 + math.exp(-score)) if score > 0 else 1 - 1 / (1 + math.exp(score))

    @cached_property
    def _turn(self) -> float:
        """Where the parabola turns, if both log-odds fall together: less would seem surer again.

        The least one counts as no less. Hardly an answer to learn from is so unsure.
        """
        curve = self.product_squared + self.least_squared
        return -(self.product + self.least) / (2 * curve) if curve > 0 else -math.inf


def fit(answers: Sequence[Sequence[float]], right: Sequence[bool]) -> Calibration:
    """Fit to answers whose worth is known.

    Args:
        answers: the step probabilities of each.
        right: whether it was right, any-match.

    Raises:
        ValueError: without answers.
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


def of_several(
    likeliest: Calibration, further: Calibration, answers: Sequence[Sequence[float]]
) -> list[float]:
    """The chance of each of several answers to one word to be right; the sum is below 1.

    None gets more than the one before it, and none all that those before it leave.

    Args:
        likeliest: fitted to answers of one a word.
        further: fitted to those that are not their word's likeliest.
        answers: the step probabilities of each, the likeliest answer first.
    """
    chances: list[float] = []
    left = maximum = 1.0
    for number, steps in enumerate(answers):
        chance = (further if number else likeliest).probability(steps)
        maximum = min(maximum, chance, _SHARE * left if number else 1.0)
        left -= maximum
        chances.append(maximum)
    return chances


def _features(steps: Sequence[float]) -> tuple[float, int, float, float, float]:
    product, least = _log_odds(math.prod(steps)), _log_odds(min(steps, default=1.0))
    return product, len(steps), least, product**2, least**2


def _log_odds(probability: float) -> float:
    # Not the logarithm: it ends at zero, and with it the certainty that the sum can reach
    if probability < _LEAST:
        probability = _LEAST
    elif probability > 1 - _LEAST:
        probability = 1 - _LEAST
    return math.log(probability / (1 - probability))


class Bin(NamedTuple):
    """Answers of about the same probability: how many, its mean, and how many were right."""

    answers: int
    probability: float
    right: float


def reliability(
    probabilities: Sequence[float], right: Sequence[bool], *, bins: int = 10
) -> list[Bin]:
    """Answers by their probability, in `bins` equal steps from 0 to 1; empty ones left out."""
    p: np.ndarray[Any, Any] = np.asarray(probabilities, dtype=np.float64)
    y: np.ndarray[Any, Any] = np.asarray(right, dtype=np.float64)
    index = np.minimum((p * bins).astype(int), bins - 1)
    return [
        Bin(int(chosen.sum()), float(p[chosen].mean()), float(y[chosen].mean()))
        for chosen in (index == each for each in range(bins))
        if chosen.any()
    ]


def expected_calibration_error(table: Sequence[Bin]) -> float:
    """Mean distance of probability and share that is right, by answers (Guo et al. 2017, eq. 3)."""
    answers = sum(row.answers for row in table)
    return sum(row.answers * abs(row.probability - row.right) for row in table) / answers
