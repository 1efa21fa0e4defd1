"""Parse pronunciations as dictionaries write them into the symbols of a language.

A symbol is a phoneme in IPA. Primary and secondary stress are marks directly before the vowel of
their syllable, as part of the symbol: ``ˈaː``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence

from tanger.model.languages.definition import Definition, Pronunciation, decomposed
from tanger.model.phonology import transcription

_SHORTEST_STEM = 3  # letters; it also has more than half of the word's
PRIMARY, SECONDARY = "ˈ", "ˌ"
_MARKS = {PRIMARY: PRIMARY, "'": PRIMARY, "´": PRIMARY, SECONDARY: SECONDARY}
# Syllable breaks, links and joiners, which are no sounds
_SILENT = frozenset(".‿·-\u2060\u200d ")
_ENCLOSED = re.compile(r"/([^/]+)/|\[([^\[\]]+)\]")
_SEPARATOR = re.compile(r"\s*[,;~]\s*|\s+or\s+")


class NotationError(ValueError):
    """A pronunciation cannot be read; the message is a category that can be counted."""


def split_variants(text: str) -> list[str]:
    """Split the text of an entry into pronunciations: those within delimiters, or between commas.

    Phonemic transcriptions, within slashes, come before phonetic ones, within brackets.
    """
    enclosed = _ENCLOSED.findall(text)
    parts = [a for a, _ in enclosed if a] + [b for _, b in enclosed if b] if enclosed else [text]
    return [
        variant for part in parts for variant in _SEPARATOR.split(part.strip("/[] ")) if variant
    ]


def parse(
    text: str,
    language: Definition,
    *,
    spaced: bool = False,
    rewrite: Iterable[tuple[re.Pattern[str], str]] = (),
) -> Pronunciation:
    """Parse one pronunciation, without applying a stress rule.

    Args:
        text: the pronunciation, without delimiters.
        language: determines symbols and replacements.
        spaced: spaces separate symbols, not words.
        rewrite: replacements of its source alone, after those of the language.

    Raises:
        NotationError: if it is of several words, or has a character that is in no symbol.
    """
    text = decomposed(text.strip())
    if not spaced and " " in text:
        raise NotationError("several words")
    text = text.replace(" ", "")
    for pattern, replacement in language.replace:
        text = pattern.sub(replacement, text)
    return _rewritten(_symbols(text, language), (*language.rewrite, *rewrite))


def _rewritten(
    symbols: Iterable[str], patterns: Iterable[tuple[re.Pattern[str], str]]
) -> Pronunciation:
    text = " ".join(symbols)
    for pattern, replacement in patterns:
        text = pattern.sub(replacement, text)
    return tuple(text.split())


def _symbols(text: str, language: Definition) -> Iterator[str]:
    """Yield the longest symbols that match, each mark moved to the next vowel."""
    symbols = language.symbols
    mark = ""
    at = 0
    while at < len(text):
        if text[at] in _MARKS:
            mark = _MARKS[text[at]]
        elif text[at] not in _SILENT:
            sizes = range(min(language.longest, len(text) - at), 0, -1)
            size = next((n for n in sizes if text[at : at + n] in symbols), 0)
            following = text[at + size : at + size + 1]
            if not size or (following and unicodedata.combining(following)):
                raise NotationError("a symbol that the language does not have")
            symbol = text[at : at + size]
            if symbol in language.vowels:
                yield mark + symbol
                mark = ""
            else:
                yield symbol
            at += size
            continue
        at += 1


def as_spelt(word: str, phonemes: Pronunciation, language: Definition) -> Pronunciation:
    """Return a pronunciation in which the spelling chooses between notations of the same sound.

    Args:
        word: the word.
        phonemes: its pronunciation.
        language: has the sounds, and what chooses.
    """
    for sounds in language.spelt:
        found = list(sounds.letters.finditer(word))
        places = [at for at, symbol in enumerate(unmark(phonemes)) if symbol in sounds.symbols]
        if len(found) != len(places):
            continue
        written = list(phonemes)
        for letters, at in zip(found, places, strict=True):
            if not sounds.place.match(" ".join(phonemes[at + 1 :])):
                continue
            fitting = (s for way, s in sounds.choose if way.match(word, letters.start()))
            if chosen := next(fitting, None):
                written[at] = phonemes[at].removesuffix(unmark((phonemes[at],))[0]) + chosen
        phonemes = tuple(written)
    return phonemes


def complete(phonemes: Pronunciation, language: Definition) -> Pronunciation:
    """Return a pronunciation with exactly one primary stress, if the language has word stress.

    The only vowel of a word always has it.

    Raises:
        NotationError: if there are several, or none and no rule.
    """
    if not phonemes:
        raise NotationError("no sounds")
    return _rewritten(_with_primary(phonemes, language), language.finish)


def _with_primary(phonemes: Pronunciation, language: Definition) -> Pronunciation:
    bare = unmark(phonemes)
    if language.stress == "none":
        return bare
    vowels = [at for at, symbol in enumerate(bare) if symbol in language.vowels]
    if not vowels:
        raise NotationError("no vowel")
    primaries = sum(symbol.startswith(PRIMARY) for symbol in phonemes)
    if primaries > 1:
        raise NotationError("several primary stresses")
    if primaries:
        return phonemes
    if len(vowels) > 1 and language.stress in ("marked", "spelled"):
        raise NotationError("no primary stress")
    at = vowels[max(-2, -len(vowels))] if language.stress == "penultimate" else vowels[0]
    return (*phonemes[:at], PRIMARY + bare[at], *phonemes[at + 1 :])


def unmark(phonemes: Sequence[str]) -> Pronunciation:
    """Return the symbols without stress marks."""
    return tuple(map(transcription.unmark, phonemes))


def copy_stress(
    phonemes: Pronunciation, marks: Sequence[str], language: Definition
) -> Pronunciation | None:
    """Return a pronunciation with the marks of another one, vowel by vowel.

    Args:
        phonemes: the pronunciation; its own marks are dropped.
        marks: a mark or an empty string for each vowel of the other pronunciation.
        language: determines which symbols are vowels.

    Returns:
        None if the numbers of vowels differ.
    """
    bare = unmark(phonemes)
    if sum(symbol in language.vowels for symbol in bare) != len(marks):
        return None
    following = iter(marks)
    return tuple(next(following) + s if s in language.vowels else s for s in bare)


def stress_of_stem(
    word: str, phonemes: Pronunciation, stems: Mapping[str, Sequence[Pronunciation]]
) -> Pronunciation | None:
    """Return the pronunciation of a derived word with the stress of its longest stem.

    A stem is a word that the word begins with, in spelling and in sounds; what follows has no
    stress: "garden" for "gardening".

    Args:
        word: the word.
        phonemes: its sounds, without marks.
        stems: pronunciations with stress, by word.
    """
    for end in range(len(word) - 1, max(_SHORTEST_STEM - 1, len(word) // 2), -1):
        for stem in stems.get(word[:end], ()):
            if phonemes[: len(stem)] == unmark(stem):
                return (*stem, *phonemes[len(stem) :])
    return None


def stress_of_spelling(
    word: str, phonemes: Pronunciation, language: Definition
) -> Pronunciation | None:
    """Return a pronunciation stressed where the spelling says; None if it does not.

    Args:
        word: the word.
        phonemes: its sounds, without marks.
        language: has the rules and the vowels.
    """
    vowels = [at for at, symbol in enumerate(phonemes) if symbol in language.vowels]
    for spelling, number in language.spelled_stress:
        if spelling.search(word):
            if not 0 < number <= len(vowels):
                return None
            at = vowels[-number]
            return (*phonemes[:at], PRIMARY + phonemes[at], *phonemes[at + 1 :])
    return None
