"""Training the regression that tells acronyms read by letters from those read as words."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tanger.model.text.acronym_model import AcronymModel, features, lexicon_readings

# Chosen on the first half of the drawn tokens
L2 = 1.0
_NEWTON_STEPS = 12
_CONVERGED = 1e-5

Pronunciations = Mapping[str, Sequence[Sequence[str]]]


class Token(NamedTuple):
    """A token in capitals and how it is read.

    Attributes:
        text: in capitals.
        reading: ``letters``, ``word``, ``either`` where both are heard, or ``neither``.
        half: ``dev`` for making rules, ``test`` held out, ``train`` where it was not drawn.
    """

    text: str
    reading: str
    half: str


def read_tokens(path: Path) -> list[Token]:
    """The tokens of a file with the columns token and reference, and half where it was drawn."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Token(row["token"], row["reference"], row.get("half", "train"))
            for row in csv.DictReader(file, delimiter="\t")
        ]


def fit(tokens: Sequence[Token], lexicon: Pronunciations) -> dict[str, float]:
    """Weights of the features of tokens that are read in one way: Newton's method, L2 penalty.

    Args:
        tokens: those with another reading than letters or word are passed over.
        lexicon: pronunciations of words in upper case.
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
    """How many tokens are read as the references say.

    Attributes:
        tokens: their number.
        right: of those, ``either`` counted as right and ``neither`` as wrong.
        wrong: the tokens that are not.
        mean_probability: the mean probability of the readings.
    """

    tokens: int
    right: int
    wrong: tuple[str, ...]
    mean_probability: float

    def to_dict(self) -> dict[str, object]:
        """For a report."""
        return {
            "tokens": self.tokens,
            "accuracy": round(self.right / self.tokens, 4),
            "mean_probability": round(self.mean_probability, 4),
            "wrong": " ".join(self.wrong),
        }


def judge(model: AcronymModel, tokens: Sequence[Token], lexicon: Pronunciations) -> Judgement:
    """Decide every token and compare with its reference."""
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
