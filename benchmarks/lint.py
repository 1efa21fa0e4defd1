"""``python -m benchmarks.lint``: measure precision and recall of the linter on planted errors.

Errors of eleven kinds (`benchmarks.planted_errors`) are planted in one of twenty entries that the
artifact was not trained on. Every other reported entry counts as a false alarm, including CMUdict's
own errors. ``--fit`` instead fits the weights of `lint.error_classifier` to the dev entries, which
do not overlap with the test entries.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import typer

from benchmarks.planted_errors import KINDS, RULE_KINDS, plant
from tanger.model import lexicon
from tanger.model.cli.common import ARTIFACT
from tanger.model.lexicon import Entry
from tanger.model.lexicon.index import StressedLexicon
from tanger.model.lint import error_classifier
from tanger.model.lint.error_classifier import WEIGHTS
from tanger.model.lint.linter import Linter, LintResult
from tanger.model.phonemizer import NetworkPhonemizer

DATA = Path(__file__).parent.parent / "data/cmudict"
RECALLS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
# One entry in twenty: 1,000 in 20,000
RATE = 0.05
# For fitting, errors are more frequent, and weighted less in proportion
_FITTED_RATE, _FITTED_SEEDS = 0.25, 6
_RIDGE = 1.0

Array = np.ndarray[Any, Any]


class Split(NamedTuple):
    """CMUdict's split, with stress; dev also has other pronunciations of training words."""

    train: list[Entry]
    dev: list[Entry]
    test: list[Entry]
    right: dict[str, list[tuple[str, ...]]]


def main(
    artifact: Annotated[Path, typer.Option(help="The artifact's folder.")] = ARTIFACT,
    seeds: Annotated[int, typer.Option(help="How often errors are planted anew.")] = 3,
    fit: Annotated[bool, typer.Option("--fit", help="Fit the weights to dev.")] = False,
    dev: Annotated[bool, typer.Option("--dev", help="Measure on dev.")] = False,
) -> None:
    """Measure precision by recall on the test entries."""
    linter = Linter(NetworkPhonemizer.load(artifact, "cpu"))
    split = read_split(DATA)
    if fit:
        fit_to(linter, split)
        return
    entries = split.dev if dev else split.test
    for name, known in (("no other lexicon", []), ("stems of the training lexicon", split.train)):
        measure(linter, entries, split, known, name, seeds)


def read_split(folder: Path) -> Split:
    """Read the split's entries with the raw dictionary's stress; those it lacks are omitted."""
    raw = lexicon.read(folder / "cmudict-0.7b")
    stressed = StressedLexicon(raw)

    def part(name: str) -> list[Entry]:
        entries = lexicon.read(folder / name)
        found = [Entry(e.word, spoken) for e in entries if (spoken := stressed.restore(e))]
        # Entries that differed only in stress are duplicates without it
        return list(dict.fromkeys(found))

    names = ("train-dev-20-21", "train-dev-1-21", "test")
    train, dev, test = (part(f"cmudict-0.7b.{name}") for name in names)
    return Split(train, dev, test, right=lexicon.pronunciations(raw))


def measure(
    linter: Linter,
    entries: Sequence[Entry],
    split: Split,
    known: Sequence[Entry],
    name: str,
    seeds: int,
) -> None:
    """Print the precision-recall curve, averaged over the seeds."""
    precisions, listed = [], []
    found: dict[str, list[bool]] = defaultdict(list)
    for seed in range(seeds):
        count = round(RATE * len(entries))
        planted = plant(entries, split.right, count=count, seed=seed)
        examined = examine(linter, entries, planted, known)
        suspicions = np.array([each.suspicion for each in examined])
        wrong = np.isin(np.arange(len(entries)), list(planted))
        precision, thresholds = curve(suspicions, wrong)
        precisions.append(precision)
        half = thresholds[RECALLS.index(0.5)]
        for place, (kind, _) in planted.items():
            found[kind].append(bool(suspicions[place] >= half))
        over = suspicions >= 0.5
        listed.append((over.sum(), (over & wrong).sum() / over.sum(), over[wrong].mean()))
    each = np.array(precisions)
    print(f"{len(planted):,} errors in {len(entries):,} entries, {seeds} times; {name}")
    print("recall     " + "  ".join(f"{recall:5.1f}" for recall in RECALLS))
    for what, row in (("precision", each.mean(0)), ("  least", each.min(0))):
        print(f"{what:10} " + "  ".join(f"{value:5.3f}" for value in row))
    count, precision, recall = np.mean(listed, axis=0)
    print(f"at 0.5: {count:,.0f} listed, precision {precision:.3f}, recall {recall:.3f}")
    print("found at recall 0.5, by kind:")
    for kind in KINDS:
        print(f"  {kind:25} {np.mean(found[kind]):4.2f} of {len(found[kind])}")


def examine(
    linter: Linter,
    entries: Sequence[Entry],
    planted: dict[int, tuple[str, Entry]],
    known: Sequence[Entry],
) -> list[LintResult]:
    """Lint a lexicon with planted errors."""
    rows = [
        (place + 1, planted[place][1] if place in planted else entry)
        for place, entry in enumerate(entries)
    ]
    return linter.lint(rows, known=known)


def curve(suspicions: Array, wrong: Array) -> tuple[list[float], list[float]]:
    """Return precision and suspicion at each recall of `RECALLS`, by falling suspicion."""
    order = np.argsort(-suspicions, kind="stable")
    hits = wrong[order].cumsum()
    places = [int(np.searchsorted(hits, recall * hits[-1])) for recall in RECALLS]
    return (
        [float(hits[place] / (place + 1)) for place in places],
        [float(suspicions[order[place]]) for place in places],
    )


def fit_to(linter: Linter, split: Split) -> None:
    """Fit the weights of `lint.error_classifier`, and print them."""
    rows, labels = [], []
    for seed in range(_FITTED_SEEDS):
        count = round(_FITTED_RATE * len(split.dev))
        kinds = {**KINDS, **RULE_KINDS}
        planted = plant(split.dev, split.right, count=count, seed=seed, kinds=kinds)
        for place, each in enumerate(examine(linter, split.dev, planted, split.train)):
            if each.features is not None:
                terms = error_classifier.terms(each.features)
                rows.append([terms[name] for name in WEIGHTS])
                labels.append(place in planted)
    x, y = np.array(rows), np.array(labels, dtype=np.float64)
    weights = np.where(y == 1, RATE / y.mean(), (1 - RATE) / (1 - y.mean())) / _FITTED_SEEDS
    intercept, slopes = logistic(x, y, weights)
    print(f"INTERCEPT = {intercept:.3f}")
    print("WEIGHTS = {")
    for name, slope in zip(WEIGHTS, slopes, strict=True):
        print(f'    "{name}": {slope:.3f},')
    print("}")


def logistic(x: Array, y: Array, weights: Array) -> tuple[float, Array]:
    """Fit a ridge logistic regression on standardised terms; return intercept and slopes."""
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = np.column_stack([np.ones(len(x)), (x - mean) / spread])
    ridge = np.diag([0.0] + [_RIDGE] * x.shape[1])
    b = np.zeros(z.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(z @ b, -40, 40)))
        gradient = z.T @ (weights * (p - y)) + ridge @ b
        hessian = (z * (weights * p * (1 - p))[:, None]).T @ z + ridge
        b -= np.linalg.solve(hessian, gradient)
    slopes = b[1:] / spread
    return float(b[0] - slopes @ mean), slopes


if __name__ == "__main__":
    typer.run(main)
