"""Read and combine the dictionaries of a language; what is thrown away is counted."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tanger.model import lexicon
from tanger.model.english.notations import read_isle
from tanger.model.languages import british
from tanger.model.languages.definition import Definition, Pronunciation, SourceFile
from tanger.model.languages.notation import (
    PRIMARY,
    SECONDARY,
    NotationError,
    as_spelt,
    complete,
    copy_stress,
    parse,
    split_variants,
    stress_of_spelling,
    stress_of_stem,
    unmark,
)
from tanger.model.lexicon.index import APOSTROPHES
from tanger.model.output_files import edition_sha256
from tanger.model.phonology import stress

Readings = dict[str, list[Pronunciation]]
# Returns each word's most probable pronunciations, the most probable first
Candidates = Callable[[Sequence[str]], list[list[Pronunciation]]]

_OWN_VOTES, _FOREIGN_VOTES = 3, 2
# Phonemes from which a word is too long for a form of less than half of them
_LONG = 5
_BRITFONE_VARIANT = re.compile(r"\(\d+\)$")
_DIGIT_MARKS = {0: "", 1: PRIMARY, 2: SECONDARY}


@dataclass(frozen=True)
class Combined:
    """The dictionary of a language, from all of its sources.

    Attributes:
        words: pronunciations of each word, in lower case, the preferred one first.
        equivalent: those of `words` that a network's answers stand for: not for evaluation.
        converted: pronunciations by rule from another accent, of words that no other source has.
        counts: number of entries by what happened to them.
        checksums: SHA-256 of each file.
    """

    words: Readings
    equivalent: frozenset[str]
    converted: Readings
    counts: Counter[str]
    checksums: dict[str, str]


def read(
    language: Definition,
    folder: Path,
    *,
    candidates: Candidates | None = None,
    verify: bool = True,
) -> Combined:
    """Read and combine the sources of a language.

    Args:
        language: its definition.
        folder: folder of the files.
        candidates: a network trained on the other sources than those of `use = "equivalent"`,
            which are left out without it.
        verify: refuse files of other editions.

    Raises:
        EditionError: if a file is of another edition.
        OSError: if a file cannot be read.
    """
    counts: Counter[str] = Counter()
    checksums = {}
    found: list[tuple[SourceFile, Readings]] = []
    for source in language.sources:
        path = folder / source.file
        expected = source.sha256 if verify else None
        checksums[source.file] = edition_sha256(path, expected, origin=source.origin)
        if source.use != "accent":
            found.append((source, _read_file(path, source, language, counts)))
    american = [
        (source.file, _read_american(folder / source.file, source, counts))
        for source in language.sources
        if source.use == "accent"
    ]
    marks = [readings for _, readings in found]
    by_count = [_marks_of_american(readings) for _, readings in american]
    merged: Readings = {}
    for source, readings in found:
        if source.use == "pronunciations":
            for word, ways in readings.items():
                merged.setdefault(word, []).extend(ways)
    words: Readings = {}
    for word, ways in sorted(merged.items(), key=lambda item: len(item[0])):  # stems come first
        ordered = _by_votes(word, ways, marks, language)
        stressed = [_with_stress(word, way, marks, by_count, words, language) for way in ordered]
        if kept := _completed(stressed, language, counts):
            words[word] = kept
    foreign = [readings for source, readings in found if source.use == "equivalent"]
    equivalent = _equivalent(foreign, words, candidates, language, counts) if candidates else {}
    words |= equivalent
    words |= {word: [way] for word, way in language.given.items()}
    words = _with_respelled(words, language)
    converted: Readings = {}
    for file, readings in american:  # the first file that has a word comes first
        known = words.keys() | converted.keys()
        others = {word: ways for word, ways in readings.items() if word not in known}
        converted |= _converted(file, others, language, counts)
    return Combined(words, frozenset(equivalent), converted, counts, checksums)


def _equivalent(
    foreign: Sequence[Readings],
    known: Readings,
    candidates: Candidates,
    language: Definition,
    counts: Counter[str],
) -> Readings:
    """Return unknown words as the most probable answer that is equivalent to an entry of theirs."""
    entries: Readings = {}
    for readings in foreign:
        for word, ways in readings.items():
            if word not in known:
                entries.setdefault(word, []).extend(ways)
    chosen: Readings = {}
    for word, answers in zip(entries, candidates(list(entries)), strict=True):
        classes = set(map(language.equivalence_class, entries[word]))
        fitting = [answer for answer in answers if language.equivalence_class(answer) in classes]
        if fitting:
            chosen[word] = fitting[:1]
        else:
            counts["entry refused: no answer is equivalent"] += 1
    return chosen


def _read_american(path: Path, source: SourceFile, counts: Counter[str]) -> Readings:
    """Return the pronunciations of American words in lower case: ARPAbet with digits of stress."""
    if source.format == "isle":
        dropped: Counter[str] = Counter()
        isle = read_isle(path.read_text("utf-8").splitlines(), dropped)
        counts.update({f"{path.name}: {reason}": n for reason, n in dropped.items()})
        return {word.lower(): ways for word, ways in isle.items()}
    found: Readings = {}
    for entry in lexicon.read(path, "cmudict"):
        found.setdefault(entry.word.lower(), []).append(entry.phonemes)
    return found


def _converted(
    file: str, american: Readings, language: Definition, counts: Counter[str]
) -> Readings:
    """Return American entries in the language's notation, by rule."""
    found: Readings = {}
    for word, ways in american.items():
        for way in ways:  # the preferred one comes first
            try:
                british_way = complete(british.from_american(word, way), language)
                found[_word(word, language)] = [british_way]
                break
            except NotationError as e:
                counts[f"{file}, converted: {e}"] += 1
    return found


def _with_respelled(words: Readings, language: Definition) -> Readings:
    """Return words with those that are also spelled without a letter's mark."""
    respelled: Readings = {}
    for word, ways in words.items():
        other = language.respelled(word)
        if other not in words:
            respelled.setdefault(other, []).extend(ways)
    return words | respelled


def cmudict_words(language: Definition, folder: Path) -> set[str]:
    """Return the words of CMUdict in upper case, if it is among a language's sources."""
    return {
        entry.word.upper()
        for source in language.sources
        if _is_cmudict(source)
        for entry in lexicon.read(folder / source.file, "cmudict")
    }


def _is_cmudict(source: SourceFile) -> bool:
    return source.format == "cmudict"


def _read_file(
    path: Path, source: SourceFile, language: Definition, counts: Counter[str]
) -> Readings:
    found: dict[str, Counter[Pronunciation]] = {}
    for written, text in _lines(path, source):
        counts[f"{source.file}: lines"] += 1
        if source.delimited and text[:1] not in "/[":
            counts[f"{source.file}: without delimiters"] += 1
            continue
        try:
            word = _word(written, language)
        except NotationError as e:
            counts[f"{source.file}: {e}"] += 1
            continue
        variants = [text] if source.format == "spaced" else split_variants(text)
        # Transcriptions without delimiters are those of the Wiktionary in the language itself
        votes = _FOREIGN_VOTES if text[:1] in "/[" else _OWN_VOTES
        for variant in variants:
            try:
                spaced = source.format != "ipa"
                parsed = parse(variant, language, spaced=spaced, rewrite=source.rewrite)
                phonemes = as_spelt(word, parsed, language)
                _check_accent(word, phonemes, language)
            except NotationError as e:
                counts[f"{source.file}: {e}"] += 1
                continue
            if phonemes:
                found.setdefault(word, Counter())[phonemes] += votes
    return {word: _agreed(ways) for word, ways in found.items()}


def _agreed(votes: Counter[Pronunciation]) -> list[Pronunciation]:
    """Return the pronunciations that have at least a third of the most votes, by votes.

    Of equal ones, the first in the file stays first.
    """
    ordered = votes.most_common()
    return [way for way, count in ordered if 3 * count >= ordered[0][1]]


def _lines(path: Path, source: SourceFile) -> Iterator[tuple[str, str]]:
    separator = ", " if source.format == "britfone" else "\t"
    with path.open(encoding="utf-8") as file:
        for line in file:
            word, found, text = line.rstrip("\n").partition(separator)
            if found:
                if source.format == "britfone":
                    word = _BRITFONE_VARIANT.sub("", word).lower()
                yield word, text


def _word(written: str, language: Definition) -> str:
    """Return a word in lower case.

    Raises:
        NotationError: if it is no word of the language's letters, or an abbreviation.
    """
    word = unicodedata.normalize("NFC", written)
    for apostrophe in APOSTROPHES:
        word = word.replace(apostrophe, "'")
    if not language.letters.issuperset(word.lower()) or not word.strip("'"):
        raise NotationError("a word of other characters")
    if len(word) > 1 and any(map(str.isupper, word[1:])):
        raise NotationError("an abbreviation")
    return word.lower()


def _check_accent(word: str, phonemes: Pronunciation, language: Definition) -> None:
    marked, bare = " ".join(phonemes), " ".join(unmark(phonemes))
    for spelling, needed in language.refuse:
        spoken = marked if "ˈ" in needed.pattern else bare
        if spelling.search(word) and not needed.search(spoken):
            raise NotationError("of another accent or form")


def _by_votes(
    word: str, ways: list[Pronunciation], marks: list[Readings], language: Definition
) -> list[Pronunciation]:
    """Order pronunciations by the number of sources that have them; ties keep their order."""
    votes = Counter(bare for of in marks for bare in set(map(unmark, of.get(word, ()))))

    def order(way: Pronunciation) -> tuple[bool, bool, int]:
        bare = unmark(way)
        reduced = language.reduced is not None and bool(language.reduced.search(" ".join(bare)))
        return bare != language.prefer.get(word), reduced, -votes[bare]

    return sorted(ways, key=order)


def _completed(
    ways: list[Pronunciation], language: Definition, counts: Counter[str]
) -> list[Pronunciation]:
    """Return the distinct pronunciations whose stress is known or follows from a rule.

    Those of less than half of a longer first one's phonemes are of a part of the word, such as an
    ending that is said in two ways, and are left out.
    """
    kept: dict[Pronunciation, Pronunciation] = {}  # by the pronunciation without marks
    for way in ways:
        try:
            whole = complete(way, language)
        except NotationError as e:
            counts[f"pronunciation refused: {e}"] += 1
            continue
        kept.setdefault(unmark(whole), whole)
    found = list(kept.values())
    if not found or len(found[0]) < _LONG:
        return found
    complete_ways = [way for way in found if 2 * len(way) >= len(found[0])]
    counts["pronunciation refused: a part of the word"] += len(found) - len(complete_ways)
    return complete_ways


def _with_stress(
    word: str,
    phonemes: Pronunciation,
    marks: list[Readings],
    by_count: Sequence[Mapping[str, list[tuple[str, ...]]]],
    stems: Readings,
    language: Definition,
) -> Pronunciation:
    """Copy marks from the same sounds in another source, else from as many vowels, or a stem.

    Where the language's spelling decides, and tells, that comes before all marks.
    """
    bare = unmark(phonemes)
    if language.stress == "spelled" and (way := stress_of_spelling(word, bare, language)):
        return way
    is_marked = any(symbol.startswith(PRIMARY) for symbol in phonemes)
    if is_marked or language.stress not in ("marked", "spelled"):
        return phonemes
    if sum(symbol in language.vowels for symbol in bare) < 2:  # its only vowel has it
        return bare
    others = [
        way
        for readings in marks
        for way in readings.get(word, ())
        if any(symbol.startswith(PRIMARY) for symbol in way)
    ]
    for way in others:
        if unmark(way) == bare:
            return way
    patterns = [_marks(way, language) for way in others]
    patterns += [pattern for known in by_count for pattern in known.get(word, ())]
    for pattern in patterns:
        if (copied := copy_stress(phonemes, pattern, language)) is not None:
            return copied
    # Where the spelling decides, a stem does not tell: promover is no form of promo
    of_stem = None if language.stress == "spelled" else stress_of_stem(word, bare, stems)
    return of_stem or stress_of_spelling(word, bare, language) or phonemes


def _marks(phonemes: Pronunciation, language: Definition) -> tuple[str, ...]:
    vowels = (s for s in phonemes if unmark((s,))[0] in language.vowels)
    return tuple(s[0] if s[0] in (PRIMARY, SECONDARY) else "" for s in vowels)


def _marks_of_american(readings: Readings) -> dict[str, list[tuple[str, ...]]]:
    """Return the marks of the vowels of each American pronunciation, where they are known."""
    return {
        word: [marks for way in ways if (marks := _digit_marks(way))]
        for word, ways in readings.items()
    }


def _digit_marks(phonemes: Pronunciation) -> tuple[str, ...]:
    digits = (stress.split(phoneme)[1] for phoneme in phonemes)
    return tuple(_DIGIT_MARKS[digit] for digit in digits if digit is not None)
