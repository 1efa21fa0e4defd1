"""Definitions of languages: sources, notation and training data of each, read from a TOML file."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import Any, Literal, get_args

from tanger.model import TangerError
from tanger.model.language_tags import Language, Variant

# Symbols of a pronunciation, with stress marks before vowels
Pronunciation = tuple[str, ...]

# Where stress comes from if an entry has no mark: nowhere (the entry is refused), the first or the
# last but one syllable; spelled: from the spelling, whatever mark an entry has; or the language has
# no word stress
StressRule = Literal["marked", "initial", "penultimate", "spelled", "none"]
# ipa: word, tab, IPA; spaced: the same, symbols separated by spaces; britfone: WORD, comma, IPA;
# cmudict: ARPAbet; isle: ISLEX, IPA of American English
SourceFormat = Literal["ipa", "spaced", "britfone", "cmudict", "isle"]
# What a source is read for. The stress of one is copied to the pronunciations of others; accent:
# that, and American pronunciations, converted by rule, of words that no other source has;
# equivalent: words that no other source has, as a network answers that learnt from the others
Use = Literal["pronunciations", "stress", "accent", "equivalent"]


class DefinitionError(TangerError, ValueError):
    """A language is not defined, or its definition is not valid.

    Attributes:
        code: the language.
    """

    def __init__(self, code: str, problem: str) -> None:
        super().__init__(f"language {code}: {problem}")
        self.code = code


@dataclass(frozen=True)
class SourceFile:
    """A file of a pronouncing dictionary.

    Attributes:
        file: its name.
        sha256: SHA-256 of its uncompressed content, hexadecimal, or the first digits of it.
        format: its format.
        origin: the publisher's name for it.
        licence: its licence.
        use: what it is read for.
        delimited: read only pronunciations within strokes or brackets, as those without are of
            another notation.
        rewrite: like `Definition.rewrite`, for this file alone, after it.
    """

    file: str
    sha256: str
    format: SourceFormat
    origin: str
    licence: str
    use: Use = "pronunciations"
    delimited: bool = False
    rewrite: tuple[tuple[re.Pattern[str], str], ...] = ()

    def __post_init__(self) -> None:
        if self.format not in get_args(SourceFormat) or self.use not in get_args(Use):
            raise ValueError(f"{self.file}: no such format or use: {self.format}, {self.use}")


@dataclass(frozen=True)
class SpeltSounds:
    """Sounds that entries write in one of several ways, of which the spelling chooses one.

    Attributes:
        symbols: the ways, without stress marks.
        letters: what spells these sounds; a word that has not as many of them as of the sounds
            keeps its own.
        place: what has to follow in the pronunciation, symbols separated by spaces.
        choose: pairs of a regular expression, for the word from these letters on, and a symbol;
            the first that matches chooses; an empty one keeps the entry's own.
    """

    symbols: frozenset[str]
    letters: re.Pattern[str]
    place: re.Pattern[str]
    choose: tuple[tuple[re.Pattern[str], str], ...]


@dataclass(frozen=True)
class Definition:
    """A language: where its pronunciations come from and how they are written.

    Attributes:
        language: its tag, name and variants, and the licence of what is learnt from the sources.
        letters: letters that a word may have, in lower case.
        frequencies: name of its list in wordfreq.
        stress: where stress comes from if an entry has no mark.
        vowels, consonants: the symbols, without stress marks; vowels are syllables.
        replace: pairs of a regular expression and a replacement, applied in order to the text of
            a pronunciation (NFD).
        rewrite: the same, applied to the symbols separated by spaces, marks before vowels.
        finish: the same, applied once the stress is known.
        spelled_stress: pairs of a regular expression and a number: the first that the spelling has
            tells which vowel from the end has the stress, where no entry marks it or `stress` is
            "spelled"; 0 if the spelling does not tell.
        spelt: sounds that entries write in several ways, of which the spelling chooses one.
        refuse: pairs of regular expressions; an entry whose spelling has the first must have the
            second in its pronunciation, else it is of another accent or form. Stress marks are
            left out for the second, unless it has one.
        reduced: pronunciations, symbols separated by spaces, that come after a word's others.
        prefer: the pronunciation that comes first, by word.
        given: pronunciations that stand for those of the sources, by word; also of words without a
            vowel, which are refused otherwise.
        respell: pairs of a letter and another that stands for it where its mark is left out; a word
            is also known in this spelling, unless it is that of another word.
        equivalent: symbols between which a source of `use = "equivalent"` does not distinguish
            reliably, each with the first of its group.
        restore: letters with marks that the sources write without, see `marked_letters`.
        inflect: derive frequent inflected forms that the sources lack, see `dutch` and `russian`.
        words: largest number of words to train on.
        repeats: pairs of a rank and a count, see `english.sources.entries`.
        recipe: name of the recipe. A language with words of another accent is trained on all words
            first, then without those, by the recipe whose name ends in "-again".
        known: words that are always for training: "frequent", the 20,000 most frequent ones, or
            "cmudict", those of CMUdict 0.7b.
        sources: the files, in order of preference.
    """

    language: Language
    letters: frozenset[str]
    frequencies: str
    stress: StressRule
    vowels: frozenset[str]
    consonants: frozenset[str]
    replace: tuple[tuple[re.Pattern[str], str], ...]
    rewrite: tuple[tuple[re.Pattern[str], str], ...]
    finish: tuple[tuple[re.Pattern[str], str], ...]
    spelled_stress: tuple[tuple[re.Pattern[str], int], ...]
    spelt: tuple[SpeltSounds, ...]
    refuse: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]
    reduced: re.Pattern[str] | None
    prefer: Mapping[str, Pronunciation]
    given: Mapping[str, Pronunciation]
    respell: tuple[tuple[str, str], ...]
    equivalent: Mapping[str, str]
    restore: str
    inflect: bool
    words: int
    repeats: tuple[tuple[int, int], ...]
    recipe: str
    known: Literal["frequent", "cmudict"]
    sources: tuple[SourceFile, ...]

    def __post_init__(self) -> None:
        for word, way in (*self.given.items(), *self.prefer.items()):
            unknown = {symbol.lstrip("ˈˌ") for symbol in way} - self.vowels - self.consonants
            if unknown:
                raise ValueError(
                    f"{word}: {' '.join(sorted(unknown))} is no symbol of the language"
                )

    @property
    def folder(self) -> str:
        """Name of the artifact: the code in lower case."""
        return self.language.code.lower()

    @property
    def has_accents(self) -> bool:
        """Whether a source has words of another accent."""
        return any(source.use == "accent" for source in self.sources)

    def respelled(self, word: str) -> str:
        """Return a word's spelling without the marks that are left out."""
        for letter, instead in self.respell:
            word = word.replace(letter, instead)
        return word

    def equivalence_class(self, phonemes: Pronunciation) -> Pronunciation:
        """Return a pronunciation with the first symbol of each group of `equivalent` ones."""
        return tuple(self.equivalent.get(symbol, symbol) for symbol in phonemes)

    @cached_property
    def symbols(self) -> frozenset[str]:
        """All symbols, without stress marks."""
        return self.vowels | self.consonants

    @cached_property
    def longest(self) -> int:
        """Length of the longest symbol, in code points."""
        return max(map(len, self.symbols))


def names() -> list[str]:
    """Return the names of the languages that are defined: codes in lower case."""
    folder = resources.files(__package__)
    return sorted(
        file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml")
    )


def load(name: str) -> Definition:
    """Load the definition of a language.

    Args:
        name: its code in lower case.

    Raises:
        DefinitionError: if it is not defined, or its definition is not valid.
    """
    try:
        return _parse(tomllib.loads(content(name)))
    except (KeyError, TypeError, ValueError, re.error) as e:
        raise DefinitionError(name, f"its definition is not valid: {e}") from e


def content(name: str) -> str:
    """Return the text of the definition of a language, which is TOML.

    Raises:
        DefinitionError: if it is not defined.
    """
    file = resources.files(__package__) / f"{name}.toml"
    if not file.is_file():
        raise DefinitionError(name, f"is not defined; there are {', '.join(names())}")
    return file.read_text("utf-8")


def _parse(values: Mapping[str, Any]) -> Definition:
    fields = dict(values)
    return Definition(
        language=Language(
            code=fields.pop("code"),
            name=fields.pop("name"),
            licence=fields.pop("licence"),
            variants=tuple(
                Variant(code, **variant) for code, variant in fields.pop("variants", {}).items()
            ),
        ),
        letters=frozenset(fields.pop("letters")),
        frequencies=fields.pop("frequencies"),
        stress=fields.pop("stress", "marked"),
        vowels=frozenset(fields.pop("vowels").split()),
        consonants=frozenset(fields.pop("consonants").split()),
        replace=_patterns(fields.pop("replace", ())),
        rewrite=_patterns(fields.pop("rewrite", ())),
        finish=_patterns(fields.pop("finish", ())),
        spelled_stress=tuple((re.compile(a), n) for a, n in fields.pop("spelled_stress", ())),
        spelt=tuple(_spelt_sounds(**sounds) for sounds in fields.pop("spelt", ())),
        refuse=tuple((re.compile(a), re.compile(b)) for a, b in fields.pop("refuse", ())),
        reduced=re.compile(reduced) if (reduced := fields.pop("reduced", None)) else None,
        prefer=_pronunciations(fields.pop("prefer", {})),
        given=_pronunciations(fields.pop("given", {})),
        respell=tuple((a, b) for a, b in fields.pop("respell", ())),
        equivalent={
            symbol: group.split()[0]
            for group in fields.pop("equivalent", ())
            for symbol in group.split()
        },
        restore=fields.pop("restore", ""),
        inflect=fields.pop("inflect", False),
        words=fields.pop("words"),
        repeats=tuple((rank, times) for rank, times in fields.pop("repeats")),
        recipe=fields.pop("recipe", "language"),
        known=fields.pop("known", "frequent"),
        sources=tuple(
            SourceFile(**{**source, "rewrite": _patterns(source.get("rewrite", ()))})
            for source in fields.pop("sources")
        ),
        **fields,  # a TypeError names what is not known
    )


def _patterns(pairs: list[tuple[str, str]]) -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), replacement) for pattern, replacement in pairs)


def _spelt_sounds(
    symbols: str, letters: str, place: str, choose: list[tuple[str, str]]
) -> SpeltSounds:
    chosen = tuple((re.compile(pattern), symbol) for pattern, symbol in choose)
    return SpeltSounds(frozenset(symbols.split()), re.compile(letters), re.compile(place), chosen)


def _pronunciations(by_word: Mapping[str, str]) -> dict[str, Pronunciation]:
    return {word: tuple(decomposed(symbols).split()) for word, symbols in by_word.items()}


def decomposed(ipa: str) -> str:
    """Return IPA in NFD, but for ç, which is a letter of its own."""
    return unicodedata.normalize("NFD", ipa).replace("c\u0327", "ç")
