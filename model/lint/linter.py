"""The lexicon doctor: which entries of a lexicon look wrong, why, and what may be right.

Certain faults (`lint.rules`) come first; all else is ranked by its suspicion
(`lint.error_classifier`), from what an artifact's network thinks of the pronunciation as it stands
there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tanger.model import TangerError
from tanger.model.decoding.hypothesis import Given, Hypothesis, Scored, Scorer
from tanger.model.evaluation import error_rates
from tanger.model.lexicon import Entry
from tanger.model.lint import error_classifier, features
from tanger.model.lint.features import Features
from tanger.model.lint.rules import (
    Conventions,
    Fault,
    Phonemes,
    Sounds,
    Stem,
    Stems,
    duplicates,
    is_spelt_out,
)
from tanger.model.phonemizer import Phonemizer
from tanger.model.phonology import stress
from tanger.model.text.speller import Speller

# Entries that are looked at together: what the network thinks of more would only take memory.
_TOGETHER = 2048
# From which logarithm on a surprise is worth telling.
_TELLING = 2.0
# Differences that are told one by one.
_DIFFERENCES = 3
# Entries whose phonemes may be errors, however short the lexicon, and phonemes that are named.
_FEW = 5
_LISTED = 20


class PhonemeSetError(TangerError, ValueError):
    """A lexicon whose phonemes are not those of the artifact that should examine it.

    Attributes:
        foreign: the phonemes that the artifact does not have, the most frequent first.
    """

    def __init__(self, foreign: Sequence[str], entries: int, of: int, own: Sequence[str]) -> None:
        listed = " ".join(foreign[:_LISTED]) + (" ..." if len(foreign) > _LISTED else "")
        super().__init__(
            f"{entries:,} of {of:,} entries hold phonemes that the artifact does not have: "
            f"{listed}; it has {' '.join(own[:50])}: name an artifact of this lexicon's "
            "language and phonemes with --artifact"
        )
        self.foreign = tuple(foreign)


def check_phonemes(entries: Sequence[Entry], own: Sequence[str]) -> None:
    """Let a lexicon pass that is written in the phonemes of an artifact, but for some errors.

    A phoneme in the wrong case is such an error, and so is a digit where there should be none.

    Args:
        entries: the lexicon's.
        own: the artifact's phonemes.

    Raises:
        PhonemeSetError: where one entry in five, and at least five, or a quarter of all phonemes
            are others.
    """
    known = {*own, *(phoneme.upper() for phoneme in own), *(phoneme.lower() for phoneme in own)}
    foreign: Counter[str] = Counter()
    without = 0
    for entry in entries:
        other = [p for p in entry.phonemes if p not in known and stress.split(p)[0] not in known]
        foreign.update(other)
        without += bool(other)
    phonemes = sum(len(entry.phonemes) for entry in entries)
    if (without >= _FEW and 5 * without > len(entries)) or 4 * foreign.total() > phonemes:
        listed = [phoneme for phoneme, _ in foreign.most_common()]
        raise PhonemeSetError(listed, without, len(entries), own)


@dataclass(frozen=True)
class Examined:
    """One entry, looked at.

    Attributes:
        line: where it stands.
        entry: what stands there.
        fault: what is certainly wrong, if anything.
        features: what else speaks against it; None where it has a fault, or the artifact cannot
            read its word.
        reasons: the doubts in words, where there is much to them.
        suggestion: what may be right, likewise.
    """

    line: int
    entry: Entry
    fault: Fault | None = None
    features: Features | None = None
    reasons: tuple[str, ...] = ()
    suggestion: Phonemes | None = None

    @property
    def suspicion(self) -> float:
        """The chance that it is wrong, where one entry in twenty is; 1 for a fault."""
        if self.fault is not None:
            return 1.0
        return 0.0 if self.features is None else error_classifier.probability(self.features)


class Linter:
    """Examines lexicons by one artifact."""

    def __init__(self, phonemizer: Phonemizer, scorer: Scorer) -> None:
        """Take the artifact's answers, and what it thinks of others'."""
        self._phonemizer = phonemizer
        self._scorer = scorer
        self._speller = Speller(phonemizer.graphemes.own)

    def examine(
        self,
        rows: Sequence[tuple[int, Entry]],
        *,
        known: Iterable[Entry] = (),
        least: float = 0.5,
        watch: Callable[[int], None] = lambda entries: None,
    ) -> list[Examined]:
        """Every entry of a lexicon, in its order.

        Args:
            rows: its entries with their lines.
            known: further entries whose stems the lexicon's forms should agree with.
            least: the suspicion from which on reasons are given.
            watch: told of how many more entries are done.
        """
        entries = [entry for _, entry in rows]
        conventions = Conventions(self._phonemizer.phonemes.own, entries)
        visit = _LintRun(conventions, [*entries, *known], self._phonemizer.phonemes.symbols, least)
        twice = duplicates(rows)
        found: list[Examined] = []
        for first in range(0, len(rows), _TOGETHER):
            chosen = rows[first : first + _TOGETHER]
            found += self._some(chosen, visit, twice)
            watch(len(chosen))
        return found

    def _some(
        self, rows: Sequence[tuple[int, Entry]], visit: _LintRun, twice: dict[int, Fault]
    ) -> Iterator[Examined]:
        parts = [twice.get(line) or visit.conventions.take_apart(e.phonemes) for line, e in rows]
        spelt = [self._speller.spell(entry.word).normalized for _, entry in rows]
        sound = [
            (place, word, part)
            for place, (word, part) in enumerate(zip(spelt, parts, strict=True))
            if word and isinstance(part, Sounds)
        ]
        words = list(dict.fromkeys(word for _, word, _ in sound))
        answers = dict(zip(words, self._phonemizer.pronounce(words), strict=True))
        graphemes, phonemes = self._phonemizer.graphemes, self._phonemizer.phonemes
        scored = self._scorer.score(
            [
                Given(graphemes.encode(word), phonemes.encode(part.phonemes))
                for _, word, part in sound
            ]
        )
        looked = {
            place: visit.look(*rows[place], part, thought, answers[word])
            for (place, word, part), thought in zip(sound, scored, strict=True)
        }
        for place, ((line, entry), part) in enumerate(zip(rows, parts, strict=True)):
            if isinstance(part, Fault):
                yield Examined(line, entry, part, None, (part.reason,), part.suggestion)
            else:
                yield looked.get(place) or Examined(line, entry)


class _LintRun:
    """One lexicon's examination: what all of its entries are compared with."""

    def __init__(
        self,
        conventions: Conventions,
        entries: Sequence[Entry],
        symbols: Sequence[str],
        least: float,
    ) -> None:
        self.conventions = conventions
        self._ways = Counter(entry.word for entry in set(entries))
        self._stems = Stems(entries, conventions)
        self._vowels = [symbol in conventions.vowels for symbol in symbols]
        self._least = least

    def look(
        self,
        line: int,
        entry: Entry,
        sounds: Sounds,
        scored: Scored,
        answer: Hypothesis,
    ) -> Examined:
        if self.conventions.vowels and is_spelt_out(entry.word.upper(), sounds.phonemes):
            return Examined(line, entry, features=Features())
        stem = self._stems.of(entry)
        found = features.of(
            sounds,
            scored,
            answer,
            stem,
            self.conventions,
            self._vowels,
            variant=self._ways[entry.word] > 1,
        )
        if error_classifier.probability(found) < self._least:
            return Examined(line, entry, features=found)
        return Examined(
            line,
            entry,
            features=found,
            reasons=tuple(_reasons(found, sounds, answer, stem)),
            suggestion=self._suggestion(found, sounds, scored, answer, stem),
        )

    def _suggestion(
        self,
        found: Features,
        sounds: Sounds,
        scored: Scored,
        answer: Hypothesis,
        stem: Stem | None,
    ) -> Phonemes | None:
        """What the stem says, else the network: of the stress, or of all."""
        if stem is not None and not stem.agrees:
            return stem.expected[0]
        if not self.conventions.stressed or answer.stress is None:
            return answer.phonemes if answer.phonemes != sounds.phonemes else None
        phonemes, digits = answer.phonemes, answer.stress
        likely = features.likely_digits(scored)
        sounds_fit = max(found.sound, found.vowel) < _TELLING
        if likely is not None and sounds_fit and error_classifier.of_stress_alone(found):
            phonemes, digits = sounds.phonemes, likely
        suggested = stress.mark(phonemes, digits)
        return suggested if suggested != stress.mark(sounds.phonemes, sounds.digits) else None


def _reasons(
    found: Features, sounds: Sounds, answer: Hypothesis, stem: Stem | None
) -> Iterator[str]:
    if found.no_vowel:
        yield "no vowel"
    if found.primaries:
        yield "several primary stresses"
    if found.no_primary:
        yield "no primary stress"
    if stem is not None and not stem.agrees:
        what = "otherwise" if found.disagrees else "with other stress"
        yield f"its stem sounds {what}"
    if max(found.sound, found.vowel, found.likelihood / 2) > _TELLING:
        changes = error_rates.confusions(answer.phonemes, sounds.phonemes)
        if 0 < changes.total() <= _DIFFERENCES:
            yield ", ".join(_change(*change) for change in changes.elements())
        else:
            yield "far from what the spelling suggests"
    if found.moved > _TELLING:
        yield "primary stress elsewhere"
    elif found.digit > _TELLING and not (found.primaries or found.no_primary):
        yield "stress digits"


def _change(expected: str, given: str) -> str:
    if not given:
        return f"{expected} is missing"
    return f"{given} for {expected}" if expected else f"{given} too many"
