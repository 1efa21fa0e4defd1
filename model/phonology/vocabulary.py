"""Vocabularies of graphemes and phonemes: symbols and their indices."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from tanger.model import TangerError

START = "<s>"
END = "</s>"
# The third special symbol of CNTK's mapping. It is never emitted, but occupies index 2.
UNUSED = "<s/>"
SPECIALS = frozenset({START, END, UNUSED})
# A grapheme of spellings of several words or syllables, such as Vietnamese ones; never a phoneme.
SPACE = " "
# Prefix of phonemes in a table that graphemes and phonemes share, as in CNTK's data.
CNTK_PREFIX = "~"
_HANGUL = re.compile("[가-힣]+")


class UnknownSymbolError(TangerError, ValueError):
    """A symbol is not in the vocabulary.

    Attributes:
        symbol: the symbol.
        vocabulary: the vocabulary.
    """

    def __init__(self, symbol: str, vocabulary: Vocabulary) -> None:
        super().__init__(f"symbol {symbol!r} is not one of the vocabulary's {len(vocabulary.own)}")
        self.symbol = symbol
        self.vocabulary = vocabulary


class SymbolClashError(TangerError, ValueError):
    """Symbols of a lexicon are reserved or ambiguous.

    Attributes:
        symbols: the symbols.
    """

    def __init__(self, symbols: Iterable[str]) -> None:
        self.symbols = tuple(sorted(symbols))
        super().__init__(
            f"{', '.join(map(repr, self.symbols))} cannot be symbols of a lexicon: they stand for "
            "the special symbols, or for the other side of a shared table"
        )


class VocabularyError(TangerError, ValueError):
    """A table of symbols is not a valid vocabulary."""


def letters(word: str) -> str:
    """Return a word with Hangul syllables decomposed: 67 letters spell all 11,172 of them.

    A lexicon of thousands of words lacks most syllables, and no letter.
    """
    return _HANGUL.sub(lambda match: unicodedata.normalize("NFD", match[0]), word)


@dataclass(frozen=True)
class Vocabulary:
    """An ordered table of symbols; a symbol's position is its index.

    If graphemes and phonemes share a table, each of the two sides has its own `Vocabulary` of it.

    Attributes:
        symbols: all symbols of the table in order, including the special ones.
        prefix: prefix of this side's symbols in the table.
        other_prefix: prefix of the other side's symbols, if there is another side.
    """

    symbols: tuple[str, ...]
    prefix: str = ""
    other_prefix: str = ""

    def __post_init__(self) -> None:
        if len(set(self.symbols)) != len(self.symbols):
            raise VocabularyError("a table of symbols holds each of them once")
        if not {START, END} <= set(self.symbols):
            raise VocabularyError(f"a table of symbols holds {START} and {END}")

    def __len__(self) -> int:
        return len(self.symbols)

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._own

    @cached_property
    def _own(self) -> dict[str, int]:
        """Index of each of this side's symbols, without prefix."""
        return {
            symbol.removeprefix(self.prefix): index
            for index, symbol in enumerate(self.symbols)
            if self._is_own(symbol)
        }

    def _is_own(self, symbol: str) -> bool:
        """Whether a table's symbol belongs to this side; the prefix alone is a valid symbol."""
        other = self.other_prefix
        if symbol in SPECIALS or not symbol.startswith(self.prefix):
            return False
        return not other or symbol == other or not symbol.startswith(other)

    @cached_property
    def _bare(self) -> list[str]:
        """All symbols of the table, with this side's prefix removed."""
        return [symbol.removeprefix(self.prefix) for symbol in self.symbols]

    @property
    def own(self) -> tuple[str, ...]:
        """This side's symbols in order, without special symbols and prefix."""
        return tuple(self._own)

    @cached_property
    def start(self) -> int:
        """Index of ``<s>``."""
        return self.symbols.index(START)

    @cached_property
    def end(self) -> int:
        """Index of ``</s>``."""
        return self.symbols.index(END)

    def encode(self, symbols: Iterable[str]) -> list[int]:
        """Return the indices of `symbols`, which must belong to this side.

        Raises:
            UnknownSymbolError: for the first symbol that does not.
        """
        try:
            return list(map(self._own.__getitem__, symbols))
        except KeyError as e:
            raise UnknownSymbolError(e.args[0], self) from e

    def decode(self, indices: Iterable[int]) -> tuple[str, ...]:
        """Return the symbols at `indices`, without this side's prefix."""
        return tuple(map(self._bare.__getitem__, indices))

    @classmethod
    def of(cls, symbols: Iterable[str]) -> Vocabulary:
        """Build a vocabulary of `symbols`: the special symbols, then `symbols` in code point order.

        Raises:
            SymbolClashError: if one of them is a special symbol.
        """
        return cls((START, END, *sorted(_without_specials(symbols))))

    @classmethod
    def shared(
        cls, graphemes: Iterable[str], phonemes: Iterable[str]
    ) -> tuple[Vocabulary, Vocabulary]:
        """Build one table for both sides, as in CNTK's tutorial, and return its two vocabularies.

        For CMUdict's symbols, code point order gives CNTK's own ``cmudict-0.7b.mapping``.

        Raises:
            SymbolClashError: if a symbol would have two meanings.
        """
        marked = {CNTK_PREFIX + phoneme for phoneme in _without_specials(phonemes)}
        plain = _without_specials(graphemes)
        if both := marked & plain:
            raise SymbolClashError(both)
        table = tuple(sorted(SPECIALS | marked | plain))
        return cls(table, other_prefix=CNTK_PREFIX), cls(table, CNTK_PREFIX)


def frame(indices: Sequence[int], vocabulary: Vocabulary, *, add_bos_eos: bool) -> list[int]:
    """Return the encoder's input: `indices`, with `add_bos_eos` between ``<s>`` and ``</s>``."""
    return [vocabulary.start, *indices, vocabulary.end] if add_bos_eos else list(indices)


def _without_specials(symbols: Iterable[str]) -> set[str]:
    found = set(symbols)
    if clash := found & SPECIALS:
        raise SymbolClashError(clash)
    return found
