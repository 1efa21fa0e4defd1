"""Evaluate an artifact for American English on several sets of words.

The network's greedy answers are scored. An answer to a frequent word, or a word of the training
lexicon, is correct if any CMUdict or AmEPD contains it. Real words that are not in CMUdict 0.7b are
judged by equivalence classes (see `english.notations`) on which several dictionaries agree.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from tanger.model import TangerError, calibration, lexicon
from tanger.model.english.notations import Pronunciation, classes, copy_stress, equivalence_class
from tanger.model.english.sources import Sources
from tanger.model.evaluation.significance import ErrorRate, PairedComparison
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.phonology import stress

_FREQUENT = (100, 1_000, 10_000)  # numbers of the most frequent words


class WordSet(enum.StrEnum):
    """Names of the word sets, as in `tanger evaluate --set`; `ALL` stands for the others."""

    FREQUENT = "frequent-words"
    TRAINED = "trained-words"
    REAL = "real-words"
    SPLIT = "split"
    ALL = "all"


class RealWordsError(TangerError, ValueError):
    """A file of real words cannot be parsed; the message names the line."""

    def __init__(self, path: Path, line: int) -> None:
        super().__init__(f"{path}:{line}: expected a word, its consensus and all pronunciations")
        self.path = path
        self.line = line


@dataclass(frozen=True)
class RealWord:
    """A word that is not in CMUdict 0.7b.

    Attributes:
        consensus: pronunciations on which at least two dictionaries agree, up to equivalence.
        pooled: the pronunciations of all dictionaries.
    """

    consensus: tuple[Pronunciation, ...]
    pooled: tuple[Pronunciation, ...]


@dataclass(frozen=True)
class EnglishEvaluation:
    """Results of one artifact.

    Attributes:
        rates: error rate by set.
        calibration_errors: expected calibration error by set, with ten bins.
        wrong: by set, the words that are wrong with the answers to them.
    """

    rates: list[ErrorRate]
    calibration_errors: dict[str, float]
    wrong: dict[str, dict[str, Pronunciation]]

    def as_dict(self) -> dict[str, Any]:
        """Return the record for ``metrics.json``, by set."""
        return {
            rate.name: {
                "words": rate.words,
                "wrong": rate.wrong,
                "rate": rate.rate,
                "interval": list(rate.interval),
                "calibration_error": self.calibration_errors.get(rate.name),
            }
            for rate in self.rates
            if rate.words
        }


def read_real_words(path: Path) -> dict[str, RealWord]:
    """Read real words: TSV of word, consensus and all pronunciations; ``|`` separates variants.

    Raises:
        RealWordsError: if a line cannot be parsed.
        OSError: if the file cannot be read.
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
    """Return the most frequent English words, according to `wordfreq`, that are in `known`.

    Args:
        known: words in upper case.
        count: largest number of words.
    """
    return list(islice((word for word in ranked_words() if word in known), count))


def ranked_words() -> Iterable[str]:
    """Return English words by falling frequency, in upper case, without repetitions."""
    import wordfreq

    words = (word.upper().replace("\u2019", "'") for word in wordfreq.iter_wordlist("en", "best"))
    return dict.fromkeys(words)


def references(sources: Sources, words: Iterable[str]) -> dict[str, list[Pronunciation]]:
    """Return every pronunciation of each word in CMUdict's editions and AmEPD, without stress."""
    exact = (sources.cmudict, sources.cmudict_latest, sources.amepd)
    return {
        word: list(dict.fromkeys(stress.strip(p) for s in exact for p in s.get(word, ())))
        for word in words
    }


def evaluate(
    phonemizer: NetworkPhonemizer,
    sources: Sources,
    sets: Collection[WordSet] = (WordSet.ALL,),
    *,
    real_words: Mapping[str, RealWord] | None = None,
    trained: Path | None = None,
    splits: Sequence[Path] = (),
) -> EnglishEvaluation:
    """Evaluate an artifact on sets of words.

    Args:
        phonemizer: the loaded artifact.
        sources: the dictionaries with the correct pronunciations.
        sets: names of the sets; a set whose data are not given is skipped.
        real_words: words that are not in CMUdict 0.7b.
        trained: the artifact's training lexicon; by default CMUdict 0.7b.
        splits: other lexicons, scored any-match; words that are also in `trained` are omitted.
    """
    result = EnglishEvaluation([], {}, {})
    sets = list(WordSet) if WordSet.ALL in sets else sets
    learnt = {} if trained is None else lexicon.pronunciations(lexicon.read(trained))
    judgements: list[_Judgement] = []
    if WordSet.FREQUENT in sets:
        judgements += _frequent_words(sources)
    if WordSet.TRAINED in sets:
        judgements += _trained_words(sources, learnt)
    if WordSet.REAL in sets and real_words is not None:
        judgements += _real_words(real_words)
    if WordSet.SPLIT in sets:
        judgements += [_split(path, learnt) for path in splits]
    for judgement in judgements:
        _score(phonemizer, judgement, result)
    if WordSet.REAL in sets and real_words is not None:
        result.rates.append(_stress(phonemizer, real_words, sources))
    return result


def compare(first: EnglishEvaluation, second: EnglishEvaluation) -> list[PairedComparison]:
    """Compare two artifacts word by word, on each set for which both have the same words."""
    words = {rate.name: rate.words for rate in second.rates}
    return [
        PairedComparison.of(rate.name, rate.words, first.wrong[rate.name], second.wrong[rate.name])
        for rate in first.rates
        if rate.name in first.wrong and words.get(rate.name) == rate.words
    ]


@dataclass(frozen=True)
class _Judgement:
    """A set of words, and the criterion for a correct answer."""

    name: str
    words: Collection[str]
    right: Callable[[str, Pronunciation], bool]


def _frequent_words(sources: Sources) -> list[_Judgement]:
    ranked = frequent_words(sources.cmudict, max(_FREQUENT))
    accepted = references(sources, ranked)
    return [
        _Judgement(
            f"the {count:,} most frequent",
            ranked[:count],
            lambda word, phonemes: phonemes in accepted[word],
        )
        for count in _FREQUENT
    ]


def _trained_words(
    sources: Sources, learnt: Mapping[str, Sequence[Pronunciation]]
) -> list[_Judgement]:
    words = learnt or sources.cmudict
    accepted = references(sources, words)
    found = [
        _Judgement(
            "trained words of CMUdict 0.7b" if learnt else "all words of CMUdict 0.7b",
            [word for word in words if word in sources.cmudict],
            lambda word, phonemes: phonemes in accepted[word],
        )
    ]
    if besides := [word for word in learnt if word not in sources.cmudict]:
        found.append(
            _Judgement(
                "trained words besides", besides, lambda word, phonemes: phonemes in learnt[word]
            )
        )
    return found


def _real_words(real_words: Mapping[str, RealWord]) -> list[_Judgement]:
    agreed = {word: classes(real.consensus) for word, real in real_words.items()}
    return [
        _Judgement(
            "real words off consensus",
            real_words,
            lambda word, phonemes: equivalence_class(phonemes) in agreed[word],
        ),
        _Judgement(
            "real words equal to no pronunciation",
            real_words,
            lambda word, phonemes: phonemes in real_words[word].pooled,
        ),
    ]


def _split(path: Path, learnt: Collection[str]) -> _Judgement:
    ways = lexicon.pronunciations(lexicon.read(path))
    new = [word for word in ways if word not in learnt]
    return _Judgement(
        path.name if new else f"{path.name}, seen in training",
        new or ways,
        lambda word, phonemes: phonemes in ways[word],
    )


def _score(phonemizer: NetworkPhonemizer, judgement: _Judgement, result: EnglishEvaluation) -> None:
    """Decode the words that can be spelled in the graphemes, and add the scores to `result`."""
    name = judgement.name
    spelt = [w for w in judgement.words if all(letter in phonemizer.graphemes for letter in w)]
    answers = dict(zip(spelt, phonemizer.pronounce(spelt), strict=True))
    rights = [judgement.right(word, answer.phonemes) for word, answer in answers.items()]
    result.rates.append(ErrorRate(name, len(spelt), rights.count(False)))
    table = calibration.reliability([a.probability for a in answers.values()], rights)
    result.calibration_errors[name] = calibration.expected_calibration_error(table)
    result.wrong[name] = {
        word: answer.phonemes
        for (word, answer), right in zip(answers.items(), rights, strict=True)
        if not right
    }


def _stress(phonemizer: NetworkPhonemizer, words: Iterable[str], sources: Sources) -> ErrorRate:
    """Count wrong stress among answers with correct phonemes, by dictionaries that mark stress."""
    marking = (sources.cmudict_latest, sources.amepd, sources.isle)
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
            and (carried := copy_stress(answer.phonemes, reading)) is not None
        ]
        if like and answer.stress is not None:
            judged += 1
            wrong += stress.mark(answer.phonemes, answer.stress) not in like
    return ErrorRate("stress wrong where the phonemes are right", judged, wrong)
