"""A panel of networks, n-grams and rules: a log-linear model that chooses among candidates.

    P(y | x) = exp(w . f(x, y)) / sum over the candidates y' of exp(w . f(x, y'))

The weights w are fitted by maximum likelihood to words that none of the members was trained on, so
that each member counts as much as it knows that the others do not. The panel's posterior over a
word's candidates is the soft label of a student.

Source: Collins & Koo (2005), "Discriminative Reranking for Natural Language Parsing", for the
log-linear model over candidates; Kim & Rush (2016), "Sequence-Level Knowledge Distillation", for
labels made of whole answers.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tanger.model import FileError, TangerError
from tanger.model.distillation.candidates import Candidates, FeatureExtractor
from tanger.model.distillation.joint_ngram import Phonemes
from tanger.model.distillation.soft_labelling import expected_symbols
from tanger.model.lexicon import Entry
from tanger.model.output_files import replace_file
from tanger.model.training.batches import Example

# L2 penalty on the weights of standardised features.
_RIDGE = 1.0
_STEPS = 100
# Parts of the cross-fitting.
_FOLDS = 10

_Array = np.ndarray[Any, Any]
Encoder = Callable[[Sequence[Entry]], Sequence[Example]]


class PanelError(FileError):
    """A file that is no panel."""


class PanelMismatchError(TangerError, ValueError):
    """A panel that was fitted with other networks.

    Attributes:
        features: names of the features that one of both lacks.
    """

    def __init__(self, features: Sequence[str]) -> None:
        super().__init__(
            "the panel was fitted with other networks: give the same, or fit it again "
            f"({', '.join(features)})"
        )
        self.features = features


@dataclass(frozen=True)
class Panel:
    """Weights of the features of candidates.

    Attributes:
        weights: weight of each feature, by its name.
        right_to_left: SHA-256 of the weights of the networks that read and write right to left.
    """

    weights: Mapping[str, float]
    right_to_left: Collection[str] = ()

    def posterior(self, features: _Array) -> _Array:
        """Return the probability [N] of each of a word's candidates, given features [N, F]."""
        scores = features @ np.array(list(self.weights.values()))
        shares: _Array = np.exp(scores - scores.max())
        shares /= shares.sum()
        return shares

    def for_features(self, names: Sequence[str]) -> Panel:
        """Return the panel with its weights in the order of `names`.

        Raises:
            PanelMismatchError: if it was fitted with other features.
        """
        if others := set(self.weights) ^ set(names):
            raise PanelMismatchError(sorted(others))
        return replace(self, weights={name: self.weights[name] for name in names})

    def write(self, path: Path) -> None:
        """Write the panel to a JSON file."""
        content = {"weights": dict(self.weights), "right_to_left": sorted(self.right_to_left)}
        replace_file(path, f"{json.dumps(content, indent=2)}\n".encode())

    @classmethod
    def read(cls, path: Path) -> Panel:
        """Read a panel.

        Raises:
            PanelError: if the file is no panel.
            OSError: if it cannot be read.
        """
        try:
            content = json.loads(path.read_text("utf-8"))
            weights = {name: float(weight) for name, weight in content["weights"].items()}
            return cls(weights, frozenset(content["right_to_left"]))
        except (ValueError, KeyError, TypeError, AttributeError) as e:
            raise PanelError(path, f"is no panel: make it with `fit-panel` ({e!r})") from e


@dataclass(frozen=True)
class CrossFit:
    """What a panel does on words that its weights were not fitted to.

    Attributes:
        words: number of words.
        wrong: words whose most probable candidate is wrong, any-match; those without candidates
            included.
        nats: mean of minus the logarithm of the probability of the right candidates, over the words
            that have one.
    """

    words: int
    wrong: int
    nats: float


def fit(
    listed: Sequence[Candidates],
    references: Mapping[str, Collection[Phonemes]],
    names: Sequence[str],
) -> Panel:
    """Fit a panel to words with known pronunciations.

    Words without a right candidate are left out.

    Args:
        listed: the candidates of each word.
        references: the right pronunciations of each word.
        names: names of the features.

    Raises:
        ValueError: if no word has a right candidate.
    """
    features = np.concatenate([each.features for each in listed])
    scale = features.std(axis=0)
    scale[scale == 0] = 1
    standardised = torch.from_numpy(features / scale)
    words = torch.repeat_interleave(
        torch.arange(len(listed)), torch.tensor([len(each.features) for each in listed])
    )
    right = torch.tensor(
        [spoken in references[each.word] for each in listed for spoken in each.pronunciations]
    )
    if not right.any():
        raise ValueError("no candidate is right: the words are not those of the references")
    weights = torch.zeros(len(names), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        penalty = _RIDGE / 2 * weights.square().sum()
        total = _nats(standardised @ weights, words, right).sum() + penalty
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    fitted = (weights.detach().numpy() / scale).tolist()
    return Panel(dict(zip(names, fitted, strict=True)))


def cross_fit(
    listed: Sequence[Candidates],
    references: Mapping[str, Collection[Phonemes]],
    names: Sequence[str],
    *,
    seed: int,
) -> CrossFit:
    """Judge each of `_FOLDS` parts of the words with the panel that the others fit; see `fit`."""
    order = random.Random(seed).sample(listed, len(listed))
    wrong, nats = 0, []
    for part in range(_FOLDS):
        panel = fit([one for i, one in enumerate(order) if i % _FOLDS != part], references, names)
        for each in order[part::_FOLDS]:
            posterior = panel.posterior(each.features)
            right = np.array([spoken in references[each.word] for spoken in each.pronunciations])
            wrong += not right[posterior.argmax()]
            if right.any():
                nats.append(-float(np.log(posterior[right].sum())))
    without = len(references) - len(listed)
    return CrossFit(len(references), wrong + without, float(np.mean(nats)))


def label(
    panel: Panel, extractor: FeatureExtractor, words: Sequence[str], encode: Encoder
) -> Iterator[Example]:
    """Yield the most probable pronunciation of each word, with the posterior as soft labels.

    Words without any candidate are omitted.

    Args:
        panel: fitted with the features of `extractor`.
        extractor: proposes the candidates.
        words: the words; they are yielded by length.
        encode: encodes the candidates.

    Raises:
        PanelMismatchError: if the panel was fitted with other features.
        JointNgramError, UnknownSymbolError: see `FeatureExtractor.candidates`.
    """
    panel = panel.for_features(extractor.names)
    for each in extractor.candidates(sorted(words, key=len)):
        examples = encode([Entry(each.word, spoken) for spoken in each.pronunciations])
        yield expected_symbols(examples, panel.posterior(each.features))


def _nats(scores: Tensor, words: Tensor, right: Tensor) -> Tensor:
    """Return minus the log-probability of the right candidates of each word that has one.

    Args:
        scores: [N] of all candidates.
        words: [N] index of each candidate's word.
        right: [N] whether it is right.
    """
    count = int(words.max()) + 1
    has_right = torch.zeros(count, dtype=torch.bool).index_fill(0, words[right], True)
    every = _log_sum(scores, words, count)
    those = _log_sum(scores[right], words[right], count)
    return (every - those)[has_right]


def _log_sum(scores: Tensor, words: Tensor, count: int) -> Tensor:
    """Return the logarithm of the sum of the exponentials of each word's scores [count]."""
    least = torch.full((count,), -torch.inf, dtype=scores.dtype)
    largest = least.scatter_reduce(0, words, scores.detach(), "amax")
    centred = (scores - largest[words]).exp()
    sums = torch.zeros(count, dtype=scores.dtype).index_add(0, words, centred)
    return largest + sums.log()
