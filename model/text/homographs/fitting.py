"""Fit the weights of the homograph model, and evaluate it on held-out examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tanger.model.text.homographs import features
from tanger.model.text.homographs.examples import Example, Integers

Floats = npt.NDArray[np.float64]

# Chosen by cross-validation on train.tsv
L2 = 2.0
LEARNING_RATE = 0.3
STEPS = 50

_FOLDS = 5
_BINS = 10
# Candidate factors of scores, for calibrating probabilities
_SCALES = np.geomspace(0.2, 5, 129)


class Choices:
    """Examples as flat arrays, concatenated over senses and examples."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.slots = np.concatenate([s for e in examples for s in e.slots])
        lengths = [len(s) for e in examples for s in e.slots]
        self.sense_lengths = np.array(lengths)
        self.sense_starts = np.cumsum([0, *lengths])[:-1]
        counts = [len(e.slots) for e in examples]
        self.counts = np.array(counts)
        self.starts = np.cumsum([0, *counts])[:-1]
        self.gold = self.starts + np.array([e.gold for e in examples])
        self.log_prior = np.array([p for e in examples for p in e.log_prior])
        self.weights = np.repeat([e.weight for e in examples], counts)

    def scores(self, table: Floats) -> Floats:
        """Return the sum of each sense's weights, or 0 without weights; shape (senses,)."""
        sums = np.concatenate([[0.0], np.cumsum(table[self.slots])])
        return np.asarray(sums[self.sense_starts + self.sense_lengths] - sums[self.sense_starts])

    def probabilities(self, scores: Floats) -> Floats:
        """Return the softmax over each example's senses of scores plus log priors, (senses,)."""
        logits = scores + self.log_prior
        highest = np.maximum.reduceat(logits, self.starts)
        shares = np.exp(logits - np.repeat(highest, self.counts))
        return np.asarray(shares / np.repeat(np.add.reduceat(shares, self.starts), self.counts))

    def chosen(self, probabilities: Floats) -> Integers:
        """Return the index of each example's most probable sense, the first of equals."""
        return np.array(
            [
                start + int(np.argmax(probabilities[start : start + count]))
                for start, count in zip(self.starts, self.counts, strict=True)
            ]
        )


def fit(examples: Sequence[Example]) -> Floats:
    """Fit weights by maximum likelihood: full-batch AdaGrad with an L2 penalty.

    Args:
        examples: examples, whose variants count, too.

    Returns:
        The weight table, shape (2**18,); weights that no example uses are 0.
    """
    choices = Choices([each for example in examples for each in (example, *example.variants)])
    reached, slots = np.unique(choices.slots, return_inverse=True)
    choices.slots = slots
    right = np.zeros(len(choices.log_prior))
    right[choices.gold] = 1
    weights = np.zeros(len(reached))
    squares = np.ones(len(reached))
    for _ in range(STEPS):
        wrong = (choices.probabilities(choices.scores(weights)) - right) * choices.weights
        wrong_weights = np.repeat(wrong, choices.sense_lengths)
        gradient = np.bincount(slots, wrong_weights, minlength=len(reached)) + L2 * weights
        squares += gradient**2
        weights -= LEARNING_RATE * gradient / np.sqrt(squares)
    table = np.zeros(1 << features.TABLE_BITS)
    table[reached] = weights
    return table


def folds(groups: Sequence[str], count: int) -> Iterator[tuple[list[int], list[int]]]:
    """Yield indices for training and held-out indices of each fold, keeping groups together.

    Args:
        groups: group of each example; distinct names give ordinary cross-validation.
        count: number of folds.
    """
    order = {name: place for place, name in enumerate(sorted(set(groups)))}
    fold = [order[name] % count for name in groups]
    for held in range(count):
        yield (
            [place for place, number in enumerate(fold) if number != held],
            [place for place, number in enumerate(fold) if number == held],
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """Accuracy and calibration of the model.

    Attributes:
        examples: number of examples.
        accuracy: share of examples with the correct sense.
        majority: share that the most frequent sense of each word would get right.
        minority_accuracy: accuracy on examples whose correct sense is not the most frequent.
        calibration_error: expected calibration error of the chosen senses' probabilities, 10 bins.
    """

    examples: int
    accuracy: float
    majority: float
    minority_accuracy: float
    calibration_error: float

    def to_dict(self) -> dict[str, float]:
        """Return the figures, rounded, for a report."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def judge(choices: Choices, probabilities: Floats, common: Sequence[bool]) -> Judgement:
    """Compare the most probable senses with the correct ones.

    Args:
        choices: the examples.
        probabilities: probabilities of their senses.
        common: whether each example's correct sense is its word's most frequent in training.
    """
    chosen = choices.chosen(probabilities)
    right = chosen == choices.gold
    is_common = np.array(common, bool)
    return Judgement(
        len(right),
        float(right.mean()),
        float(is_common.mean()),
        float(right[~is_common].mean()) if not is_common.all() else 1.0,
        calibration_error(probabilities[chosen], right),
    )


def calibration_error(probabilities: Floats, right: npt.NDArray[np.bool_]) -> float:
    """Return the expected calibration error: mean gap of probability and accuracy over 10 bins."""
    bins = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    return float(
        sum(abs(probabilities[bins == b].sum() - right[bins == b].sum()) for b in range(_BINS))
        / len(right)
    )


def fit_scale(choices: Choices, scores: Floats) -> float:
    """Return the factor of held-out scores that maximises the likelihood of the correct senses."""
    losses = [
        -np.log(choices.probabilities(scale * scores)[choices.gold] + 1e-12).sum()
        for scale in _SCALES
    ]
    return float(_SCALES[int(np.argmin(losses))])


def held_out_scores(
    examples: Sequence[Example], others: Sequence[Example], groups: Sequence[str]
) -> Floats:
    """Score each example's senses by weights that were fitted without its group.

    Args:
        examples: examples to score, by cross-validation with five folds.
        others: examples to fit on in every fold.
        groups: group of each example.

    Returns:
        The scores in the order of ``Choices(examples)``.
    """
    scores: list[Floats] = [np.zeros(0)] * len(examples)
    for kept, held in folds(groups, _FOLDS):
        table = fit([*(examples[place] for place in kept), *others])
        choices = Choices([examples[place] for place in held])
        found = choices.scores(table)
        for place, start, count in zip(held, choices.starts, choices.counts, strict=True):
            scores[place] = found[start : start + count]
    return np.concatenate(scores)


def calibrated_judgement(
    examples: Sequence[Example], scores: Floats, common: Sequence[bool]
) -> Judgement:
    """Evaluate held-out scores, calibrating each fold by a scale fitted on the other folds."""
    choices = Choices(examples)
    probabilities = np.zeros(len(scores))
    names = [str(place) for place in range(len(examples))]
    owner = np.repeat(np.arange(len(examples)), choices.counts)
    for kept, held in folds(names, _FOLDS):
        scale = fit_scale(Choices([examples[p] for p in kept]), scores[np.isin(owner, kept)])
        mine = np.isin(owner, held)
        probabilities[mine] = choices.probabilities(scale * scores)[mine]
    return judge(choices, probabilities, common)


def quantized(table: Floats) -> tuple[npt.NDArray[np.int8], float]:
    """Quantise weights to integers from -127 to 127; also return the step size."""
    step = float(np.abs(table).max()) / 127
    return np.round(table / step).astype(np.int8), step


def save(path: Path, weights: npt.NDArray[np.int8], metadata: str) -> None:
    """Write weights; the metadata is a single entry, to make the file reproducible."""
    from safetensors.numpy import save as serialize

    path.write_bytes(serialize({"weights": weights}, {"tanger": metadata}))
