"""The linter: finds entries of a lexicon that look wrong, and suggests corrections.

Certain faults (`lint.rules`) are found first. All other entries get a suspicion
(`lint.error_classifier`), from an artifact's network and its scores of their pronunciations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tanger.model import TangerError
from tanger.model.decoding.hypothesis import GivenPronunciation, Hypothesis, Scored
from tanger.model.evaluation import error_rates
from tanger.model.lexicon import Entry
from tanger.model.lint import error_classifier
from tanger.model.lint.error_classifier import Features
from tanger.model.lint.rules import (
    Conventions,
    Fault,
    Phonemes,
    Pronunciation,
    Stem,
    Stems,
    find_duplicates,
    is_spelt_out,
)
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.phonology import stress
from tanger.model.text.speller import Speller

# Entries scored together; more would only use more memory.
_BATCH = 2048
# Log ratios above this are reported as reasons.
_NOTABLE = 2.0
# Largest number of differences that are reported one by one.
_MAX_DIFFERENCES = 3
# Number of entries with foreign phonemes that is tolerated in any lexicon; foreign phonemes named
# in a message.
_MIN_FOREIGN_ENTRIES = 5
_MAX_LISTED = 20


class PhonemeSetError(TangerError, ValueError):
    """A lexicon's phonemes are not those of the artifact that should check it.

    Attributes:
        foreign: phonemes that the artifact does not have, by falling frequency.
    """

    def __init__(self, foreign: Sequence[str], entries: int, of: int, own: Sequence[str]) -> None:
        listed = " ".join(foreign[:_MAX_LISTED]) + (" ..." if len(foreign) > _MAX_LISTED else "")
        super().__init__(
            f"{entries:,} of {of:,} entries hold phonemes that the artifact does not have: "
            f"{listed}; it has {' '.join(own[:50])}: name an artifact of this lexicon's "
            "language and phonemes with --artifact"
        )
        self.foreign = tuple(foreign)


def check_phonemes(entries: Sequence[Entry], own: Sequence[str]) -> None:
    """Refuse a lexicon that is not written in the artifact's phonemes, apart from errors.

    A phoneme in the wrong case or with a superfluous digit counts as an error.

    Args:
        entries: the lexicon's.
        own: the artifact's phonemes.

    Raises:
        PhonemeSetError: if at least one entry in five, and at least five entries, have foreign
            phonemes, or a quarter of all phonemes are foreign.
    """
    known = {*own, *(phoneme.upper() for phoneme in own), *(phoneme.lower() for phoneme in own)}
    foreign: Counter[str] = Counter()
    foreign_entries = 0
    for entry in entries:
        other = [p for p in entry.phonemes if p not in known and stress.split(p)[0] not in known]
        foreign.update(other)
        foreign_entries += bool(other)
    phonemes = sum(len(entry.phonemes) for entry in entries)
    many = foreign_entries >= _MIN_FOREIGN_ENTRIES and 5 * foreign_entries > len(entries)
    if many or 4 * foreign.total() > phonemes:
        listed = [phoneme for phoneme, _ in foreign.most_common()]
        raise PhonemeSetError(listed, foreign_entries, len(entries), own)


@dataclass(frozen=True)
class LintResult:
    """The result for one entry.

    Attributes:
        line: line number of the entry.
        entry: the entry.
        fault: a certain fault, if there is one.
        features: other evidence; None if there is a fault or the artifact cannot spell the word.
        reasons: the evidence in words, if the suspicion reaches the threshold.
        suggestion: a possible correction, likewise.
    """

    line: int
    entry: Entry
    fault: Fault | None = None
    features: Features | None = None
    reasons: tuple[str, ...] = ()
    suggestion: Phonemes | None = None

    @property
    def suspicion(self) -> float:
        """Probability that the entry is wrong, if one entry in twenty is; 1 for a fault."""
        if self.fault is not None:
            return 1.0
        return 0.0 if self.features is None else error_classifier.probability(self.features)


class Linter:
    """Checks lexicons with one artifact."""

    def __init__(self, phonemizer: NetworkPhonemizer) -> None:
        """Use an artifact's answers, and its scores of given pronunciations."""
        self._phonemizer = phonemizer
        self._speller = Speller(phonemizer.graphemes.own)

    def lint(
        self,
        rows: Sequence[tuple[int, Entry]],
        *,
        known: Iterable[Entry] = (),
        threshold: float = 0.5,
        on_progress: Callable[[int], None] = lambda entries: None,
    ) -> list[LintResult]:
        """Check the entries of a lexicon, in order.

        Args:
            rows: the entries with their line numbers.
            known: further entries, whose stems are compared with the lexicon's derived forms.
            threshold: suspicion from which reasons and suggestions are given.
            on_progress: called with the number of entries done since the last call.
        """
        entries = [entry for _, entry in rows]
        conventions = Conventions(self._phonemizer.phonemes.own, entries)
        symbols = self._phonemizer.phonemes.symbols
        run = _LintRun(conventions, [*entries, *known], symbols, threshold)
        duplicates = find_duplicates(rows)
        results: list[LintResult] = []
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            results += self._lint_batch(batch, run, duplicates)
            on_progress(len(batch))
        return results

    def _lint_batch(
        self, rows: Sequence[tuple[int, Entry]], run: _LintRun, duplicates: dict[int, Fault]
    ) -> Iterator[LintResult]:
        parsed = [duplicates.get(line) or run.conventions.parse(e.phonemes) for line, e in rows]
        spelt = [self._speller.spell(entry.word).normalized for _, entry in rows]
        scorable = [
            (index, word, found)
            for index, (word, found) in enumerate(zip(spelt, parsed, strict=True))
            if word and isinstance(found, Pronunciation)
        ]
        words = list(dict.fromkeys(word for _, word, _ in scorable))
        answers = dict(zip(words, self._phonemizer.pronounce(words), strict=True))
        graphemes, phonemes = self._phonemizer.graphemes, self._phonemizer.phonemes
        scores = self._phonemizer.decoder.score(
            [
                GivenPronunciation(graphemes.encode(word), phonemes.encode(pronunciation.phonemes))
                for _, word, pronunciation in scorable
            ]
        )
        results = {
            index: run.check(*rows[index], pronunciation, scored, answers[word])
            for (index, word, pronunciation), scored in zip(scorable, scores, strict=True)
        }
        for index, ((line, entry), found) in enumerate(zip(rows, parsed, strict=True)):
            if isinstance(found, Fault):
                yield LintResult(line, entry, found, None, (found.reason,), found.suggestion)
            else:
                yield results.get(index) or LintResult(line, entry)


class _LintRun:
    """Context shared by the checks of one lexicon's entries: conventions, stems and variants."""

    def __init__(
        self,
        conventions: Conventions,
        entries: Sequence[Entry],
        symbols: Sequence[str],
        threshold: float,
    ) -> None:
        self.conventions = conventions
        self._variants = Counter(entry.word for entry in set(entries))
        self._stems = Stems(entries, conventions)
        self._vowels = [symbol in conventions.vowels for symbol in symbols]
        self._threshold = threshold

    def check(
        self,
        line: int,
        entry: Entry,
        pronunciation: Pronunciation,
        scored: Scored,
        answer: Hypothesis,
    ) -> LintResult:
        if self.conventions.vowels and is_spelt_out(entry.word.upper(), pronunciation.phonemes):
            return LintResult(line, entry, features=Features())
        stem = self._stems.compare(entry)
        features = error_classifier.extract_features(
            pronunciation,
            scored,
            answer,
            stem,
            self.conventions,
            self._vowels,
            variant=self._variants[entry.word] > 1,
        )
        if error_classifier.probability(features) < self._threshold:
            return LintResult(line, entry, features=features)
        return LintResult(
            line,
            entry,
            features=features,
            reasons=tuple(_reasons(features, pronunciation, answer, stem)),
            suggestion=self._suggestion(features, pronunciation, scored, answer, stem),
        )

    def _suggestion(
        self,
        features: Features,
        pronunciation: Pronunciation,
        scored: Scored,
        answer: Hypothesis,
        stem: Stem | None,
    ) -> Phonemes | None:
        """Return the stem's pronunciation, or the network's stress digits or whole answer."""
        if stem is not None and not stem.agrees:
            return stem.expected[0]
        if not self.conventions.stressed or answer.stress is None:
            return answer.phonemes if answer.phonemes != pronunciation.phonemes else None
        phonemes, digits = answer.phonemes, answer.stress
        likely = error_classifier.likely_digits(scored)
        sounds_fit = max(features.sound, features.vowel) < _NOTABLE
        if likely is not None and sounds_fit and error_classifier.is_mainly_stress(features):
            phonemes, digits = pronunciation.phonemes, likely
        suggested = stress.mark(phonemes, digits)
        return suggested if suggested != stress.mark(*pronunciation) else None


def _reasons(
    features: Features, pronunciation: Pronunciation, answer: Hypothesis, stem: Stem | None
) -> Iterator[str]:
    if features.no_vowel:
        yield "no vowel"
    if features.primaries:
        yield "several primary stresses"
    if features.no_primary:
        yield "no primary stress"
    if stem is not None and not stem.agrees:
        how = "otherwise" if features.disagrees else "with other stress"
        yield f"its stem sounds {how}"
    if max(features.sound, features.vowel, features.likelihood / 2) > _NOTABLE:
        changes = error_rates.confusions(answer.phonemes, pronunciation.phonemes)
        if 0 < changes.total() <= _MAX_DIFFERENCES:
            yield ", ".join(_difference(*change) for change in changes.elements())
        else:
            yield "far from what the spelling suggests"
    if features.moved > _NOTABLE:
        yield "primary stress elsewhere"
    elif features.digit > _NOTABLE and not (features.primaries or features.no_primary):
        yield "stress digits"


def _difference(expected: str, given: str) -> str:
    if not given:
        return f"{expected} is missing"
    return f"{given} for {expected}" if expected else f"{given} too many"
