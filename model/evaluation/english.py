"""How an artifact for American English does on what people meet, set by set.

Greedy answers of the network alone. Frequent words and words of the training lexicon are right
where any CMUdict or AmEPD has the answer; real words that CMUdict 0.7b lacks are judged by
equivalence classes (see `english.equivalence`) that several dictionaries agree on.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tanger.model import TangerError, calibration, lexicon
from tanger.model import artifact as artifacts
from tanger.model.artifact import ArtifactError
from tanger.model.calibration import Calibration
from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.english.equivalence import classes, equivalence_class
from tanger.model.english.notations import Pronunciation, carry_stress
from tanger.model.english.sources import Sources
from tanger.model.evaluation import model_card
from tanger.model.phonemizer import Phonemizer
from tanger.model.phonology import stress

_Z = 1.96  # of a 95 % interval
_FOLDS = 5  # of the cross-fit
_ALTERNATIVES = 5  # answers a word that are calibrated on


class RealWordsError(TangerError, ValueError):
    """A file of real words that cannot be read; names the line."""

    def __init__(self, path: Path, line: int) -> None:
        super().__init__(f"{path}:{line}: expected a word, its consensus and all pronunciations")
        self.path = path
        self.line = line


@dataclass(frozen=True)
class RealWord:
    """A word that CMUdict 0.7b lacks.

    Attributes:
        consensus: pronunciations on which at least two dictionaries agree but for convention.
        pooled: all that any of them gives.
    """

    consensus: tuple[Pronunciation, ...]
    pooled: tuple[Pronunciation, ...]


@dataclass(frozen=True)
class Share:
    """How many of a set of words are wrong.

    Attributes:
        name: what was measured on which words.
        words: how many.
        wrong: how many of them.
    """

    name: str
    words: int
    wrong: int

    @property
    def rate(self) -> float:
        """Share that is wrong, 0 to 1."""
        return self.wrong / self.words if self.words else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Its 95 % interval (Wilson 1927)."""
        n, p = self.words, self.rate
        if not n:
            return (math.nan, math.nan)
        centre = p + _Z**2 / (2 * n)
        spread = _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n**2))
        return (
            max(0.0, (centre - spread) / (1 + _Z**2 / n)),
            min(1.0, (centre + spread) / (1 + _Z**2 / n)),
        )

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.name}: {100 * self.rate:.2f} % [{100 * low:.2f}, {100 * high:.2f}] "
            f"({self.wrong:,} of {self.words:,})"
        )


@dataclass(frozen=True)
class EnglishEvaluation:
    """Figures of one artifact.

    Attributes:
        shares: set by set.
        calibration_errors: expected calibration error by set, ten bins.
        wrong: the words of each set that are wrong, with the answers.
    """

    shares: list[Share]
    calibration_errors: dict[str, float]
    wrong: dict[str, dict[str, Pronunciation]]

    def as_dict(self) -> dict[str, Any]:
        """The record that goes into ``metrics.json``, by set."""
        return {
            share.name: {
                "words": share.words,
                "wrong": share.wrong,
                "rate": share.rate,
                "interval": list(share.interval),
                "calibration_error": self.calibration_errors.get(share.name),
            }
            for share in self.shares
            if share.words
        }


def keep(artifact: Path, evaluation: EnglishEvaluation, weights_sha256: str | None) -> None:
    """Write the figures into the artifact's ``metrics.json`` and its model card.

    Raises:
        ArtifactError: where the artifact is damaged, or has other weights by now.
        OSError: where it cannot be written.
    """
    found = artifacts.read(artifact)
    if found.weights_sha256 != weights_sha256:
        raise ArtifactError(artifact, "was replaced while it was evaluated: evaluate it again")
    try:
        evaluations = found.metrics()
    except ArtifactError:  # of other weights
        evaluations = {}
    artifacts.write_metrics(found, evaluations, evaluation.as_dict())
    card = model_card.render(found, evaluations, evaluation.as_dict())
    artifacts.replace_file(artifact / model_card.FILE, card.encode())


def read_real_words(path: Path) -> dict[str, RealWord]:
    """Read lines of a word, its consensus and all pronunciations, tabs between, variants by ``|``.

    Raises:
        RealWordsError: for a line of another form.
        OSError: where it cannot be read.
    """
    found = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        fields = line.split("\t")
        if len(fields) != 3 or not all(fields):
            raise RealWordsError(path, number)
        word, *columns = fields
        consensus, pooled = (tuple(tuple(p.split()) for p in c.split("|")) for c in columns)
        found[word] = RealWord(consensus, pooled)
    return found


def frequent_words(known: Collection[str], count: int) -> list[str]:
    """The most frequent English words by `wordfreq` among `known`, the most frequent first.

    Args:
        known: upper case.
        count: how many at most.
    """
    return list(islice((word for word in ranked_words() if word in known), count))


def ranked_words() -> Iterable[str]:
    """English words by their frequency, the most frequent first, upper case, each once."""
    import wordfreq

    words = (word.upper().replace("\u2019", "'") for word in wordfreq.iter_wordlist("en", "best"))
    return dict.fromkeys(words)


def references(sources: Sources, words: Iterable[str]) -> dict[str, list[Pronunciation]]:
    """Every pronunciation that a CMUdict or AmEPD gives each word, without stress."""
    exact = (sources.cmudict, sources.newest, sources.amepd)
    return {
        word: list(dict.fromkeys(stress.strip(p) for s in exact for p in s.get(word, ())))
        for word in words
    }


def evaluate(
    phonemizer: Phonemizer,
    sources: Sources,
    *,
    real_words: Mapping[str, RealWord] | None = None,
    trained: Path | None = None,
    splits: Sequence[Path] = (),
) -> EnglishEvaluation:
    """Measure an artifact.

    Args:
        phonemizer: the artifact.
        sources: the dictionaries that say what is right.
        real_words: words that CMUdict 0.7b lacks.
        trained: the lexicon that the artifact learnt from.
        splits: other lexicons, any-match; words that `trained` has as well are left out.
    """
    result = EnglishEvaluation([], {}, {})

    def score(name: str, words: Iterable[str], right: Callable[[str, Hypothesis], bool]) -> None:
        spelt = [w for w in words if all(letter in phonemizer.graphemes for letter in w)]
        answers = dict(zip(spelt, phonemizer.pronounce(spelt), strict=True))
        rights = [right(word, answer) for word, answer in answers.items()]
        result.shares.append(Share(name, len(spelt), rights.count(False)))
        table = calibration.reliability([a.probability for a in answers.values()], rights)
        result.calibration_errors[name] = calibration.expected_calibration_error(table)
        result.wrong[name] = {
            w: a.phonemes for (w, a), ok in zip(answers.items(), rights, strict=True) if not ok
        }

    ranked = frequent_words(sources.cmudict, 10_000)
    in_dictionaries = references(sources, ranked)
    for count in (100, 1_000, 10_000):
        score(
            f"the {count:,} most frequent",
            ranked[:count],
            lambda word, answer: answer.phonemes in in_dictionaries[word],
        )
    learnt: Mapping[str, Sequence[Pronunciation]] = {}
    if trained is not None:
        learnt = lexicon.pronunciations(lexicon.read(trained))
        accepted = references(sources, learnt)
        score(
            "trained words of CMUdict 0.7b",
            [word for word in learnt if word in sources.cmudict],
            lambda word, answer: answer.phonemes in accepted[word],
        )
        score(
            "trained words besides",
            [word for word in learnt if word not in sources.cmudict],
            lambda word, answer: answer.phonemes in learnt[word],
        )
    if real_words is not None:
        agreed = {word: classes(real.consensus) for word, real in real_words.items()}
        score(
            "real words off consensus",
            real_words,
            lambda word, answer: equivalence_class(answer.phonemes) in agreed[word],
        )
        score(
            "real words equal to no pronunciation",
            real_words,
            lambda word, answer: answer.phonemes in real_words[word].pooled,
        )
        result.shares.append(_stress(phonemizer, real_words, sources))
    for path in splits:
        ways = lexicon.pronunciations(lexicon.read(path))
        score(
            path.name,
            [word for word in ways if word not in learnt] or ways,
            lambda word, answer, ways=ways: answer.phonemes in ways[word],  # type: ignore[misc]
        )
    return result


@dataclass(frozen=True)
class EnglishCalibration:
    """Probabilities fitted to real words and frequent words alike.

    Attributes:
        likeliest: of a word's likeliest answer.
        further: of its other answers.
        errors: expected calibration error by set, each word judged by a fit without its fold.
    """

    likeliest: Calibration
    further: Calibration
    errors: dict[str, float]


def calibrate(
    phonemizer: Phonemizer,
    sources: Sources,
    real_words: Mapping[str, RealWord],
    *,
    seed: int = 1,
) -> EnglishCalibration:
    """Fit probabilities to real words, and to as many frequent words beside them.

    Frequent words are known by heart, real words are new: both are asked of one artifact.

    Args:
        phonemizer: the artifact.
        sources: what is right about frequent words.
        real_words: words that training did not hold.
        seed: draws the frequent words, and the folds of the cross-fit.
    """
    shuffle = random.Random(seed)
    ranked = frequent_words(sources.cmudict, 10_000)
    accepted = references(sources, shuffle.sample(ranked, min(len(ranked), len(real_words))))
    agreed = {word: classes(real.consensus) for word, real in real_words.items()}

    def right(word: str, answer: Hypothesis) -> bool:
        if word in agreed:
            return equivalence_class(answer.phonemes) in agreed[word]
        return answer.phonemes in accepted[word]

    words = [*agreed, *accepted]
    shuffle.shuffle(words)
    answers = phonemizer.pronounce(words)
    rights = [right(word, answer) for word, answer in zip(words, answers, strict=True)]
    steps = [answer.step_probabilities for answer in answers]
    judged: dict[str, list[tuple[float, bool]]] = {"real words": [], "frequent words": []}
    for left_out in range(_FOLDS):
        kept = [n for n in range(len(words)) if n % _FOLDS != left_out]
        fitted = calibration.fit([steps[n] for n in kept], [rights[n] for n in kept])
        for n in range(left_out, len(words), _FOLDS):
            name = "real words" if words[n] in agreed else "frequent words"
            judged[name].append((fitted.probability(steps[n]), rights[n]))
    lists = phonemizer.alternatives(words, _ALTERNATIVES)
    others = [
        (answer.step_probabilities, right(word, answer))
        for word, several in zip(words, lists, strict=True)
        for answer in several[1:]
    ]
    return EnglishCalibration(
        calibration.fit(steps, rights),
        calibration.fit([one for one, _ in others], [ok for _, ok in others]),
        {
            name: calibration.expected_calibration_error(
                calibration.reliability([p for p, _ in pairs], [ok for _, ok in pairs])
            )
            for name, pairs in judged.items()
        },
    )


def _stress(phonemizer: Phonemizer, words: Iterable[str], sources: Sources) -> Share:
    """Wrong stress where the phonemes are right, by the dictionaries that mark it."""
    marking = (sources.newest, sources.amepd, sources.isle)
    marked: dict[str, list[Pronunciation]] = {}
    for word in words:
        if readings := [p for source in marking for p in source.get(word, ())]:
            marked[word] = readings
    judged = wrong = 0
    for word, answer in zip(marked, phonemizer.pronounce(list(marked)), strict=True):
        like = [
            carried
            for reading in marked[word]
            if equivalence_class(stress.strip(reading)) == equivalence_class(answer.phonemes)
            and (carried := carry_stress(answer.phonemes, reading)) is not None
        ]
        if like and answer.stress is not None:
            judged += 1
            wrong += stress.mark(answer.phonemes, answer.stress) not in like
    return Share("stress wrong where the phonemes are right", judged, wrong)
