"""Train and evaluate the regression of the acronym model."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tanger.model.text.acronym_model import AcronymModel, features, lexicon_readings

# Chosen on the half ``dev`` of the sampled tokens
L2 = 1.0
_NEWTON_STEPS = 12
_CONVERGED = 1e-5

Pronunciations = Mapping[str, Sequence[Sequence[str]]]


class Token(NamedTuple):
    """A labelled token in capitals.

    Attributes:
        text: token in capitals.
        reading: ``letters``, ``word``, ``either`` if both are in use, or ``neither``.
        half: ``dev`` for making rules, ``test`` held out, ``train`` if it was not sampled.
    """

    text: str
    reading: str
    half: str


def read_tokens(path: Path) -> list[Token]:
    """Read tokens from a file with the columns token, reference and, if sampled, half."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Token(row["token"], row["reference"], row.get("half", "train"))
            for row in csv.DictReader(file, delimiter="\t")
        ]


def fit(tokens: Sequence[Token], lexicon: Pronunciations) -> dict[str, float]:
    """Fit feature weights by Newton's method with an L2 penalty.

    Args:
        tokens: training tokens; those with a reading other than letters or word are ignored.
        lexicon: pronunciations by word in upper case.
    """
    rows = [
        features(t.text, *lexicon_readings(t.text, lexicon.get(t.text, ())))
        for t in tokens
        if t.reading in ("letters", "word")
    ]
    right = np.array([t.reading == "letters" for t in tokens if t.reading in ("letters", "word")])
    names = sorted({name for row in rows for name in row})
    places = {name: place for place, name in enumerate(names)}
    matrix = np.zeros((len(rows), len(names)))
    for number, row in enumerate(rows):
        for name in row:
            matrix[number, places[name]] += 1
    weights = np.zeros(len(names))
    penalty = L2 * np.eye(len(names))
    for _ in range(_NEWTON_STEPS):
        chance = 1 / (1 + np.exp(-matrix @ weights))
        gradient = matrix.T @ (chance - right) + L2 * weights
        curvature = (matrix * (chance * (1 - chance))[:, None]).T @ matrix + penalty
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < _CONVERGED:
            break
    return {
        name: round(float(weight), 3)
        for name, weight in zip(names, weights, strict=True)
        if abs(weight) >= 0.001
    }


@dataclass(frozen=True, slots=True)
class Judgement:
    """Accuracy of the model on labelled tokens.

    Attributes:
        tokens: number of tokens.
        right: number read correctly; ``either`` counts as right and ``neither`` as wrong.
        wrong: tokens read incorrectly.
        mean_probability: mean probability of the decisions.
    """

    tokens: int
    right: int
    wrong: tuple[str, ...]
    mean_probability: float

    def to_dict(self) -> dict[str, object]:
        """Return the figures for a report."""
        return {
            "tokens": self.tokens,
            "accuracy": round(self.right / self.tokens, 4),
            "mean_probability": round(self.mean_probability, 4),
            "wrong": " ".join(self.wrong),
        }


def judge(model: AcronymModel, tokens: Sequence[Token], lexicon: Pronunciations) -> Judgement:
    """Evaluate the model on labelled tokens."""
    wrong = []
    total = 0.0
    for token in tokens:
        decided = model.decide(token.text, lexicon.get(token.text, ()))
        if decided is None:
            wrong.append(token.text)
            continue
        total += decided.probability
        reading = "letters" if decided.letters else "word"
        if token.reading not in (reading, "either"):
            wrong.append(token.text)
    return Judgement(len(tokens), len(tokens) - len(wrong), tuple(wrong), total / len(tokens))
