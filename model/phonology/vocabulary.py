"""Symbols and their indices, for graphemes and phonemes alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from tanger.model import TangerError

START = "<s>"
END = "</s>"
# The third special symbol of CNTK's mapping: nothing emits it, but it holds index 2 there.
UNUSED = "<s/>"
SPECIALS = frozenset({START, END, UNUSED})
# A grapheme of spellings of several words or syllables, such as Vietnamese ones; never a phoneme.
SPACE = " "
# Marks the phonemes where graphemes and phonemes share one table, as in CNTK's data.
CNTK_PREFIX = "~"


class UnknownSymbolError(TangerError, ValueError):
    """A symbol that the vocabulary lacks.

    Attributes:
        symbol: the symbol that was looked up.
        vocabulary: the vocabulary that lacks it.
    """

    def __init__(self, symbol: str, vocabulary: Vocabulary) -> None:
        super().__init__(f"symbol {symbol!r} is not one of the vocabulary's {len(vocabulary.own)}")
        self.symbol = symbol
        self.vocabulary = vocabulary


class SymbolClashError(TangerError, ValueError):
    """Symbols of a lexicon that mean something else already.

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
    """A table of symbols that cannot be one."""


@dataclass(frozen=True)
class Vocabulary:
    """An ordered table of symbols; a symbol's position is its index.

    Where graphemes and phonemes share a table, each side has a `Vocabulary` of its own over it.

    Attributes:
        symbols: every symbol of the table in order, the special ones included.
        prefix: what the table puts before each of this side's symbols.
        other_prefix: what it puts before each of the other side's, where there is another side.
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
        """Index of each of this side's symbols, its prefix removed."""
        return {
            symbol.removeprefix(self.prefix): index
            for index, symbol in enumerate(self.symbols)
            if self._is_own(symbol)
        }

    def _is_own(self, symbol: str) -> bool:
        """Whether a symbol of the table is one of this side's; a bare prefix is."""
        other = self.other_prefix
        if symbol in SPECIALS or not symbol.startswith(self.prefix):
            return False
        return not other or symbol == other or not symbol.startswith(other)

    @cached_property
    def _bare(self) -> list[str]:
        """Every symbol, the prefix removed where there is one."""
        return [symbol.removeprefix(self.prefix) for symbol in self.symbols]

    @property
    def own(self) -> tuple[str, ...]:
        """This side's symbols in order, without the special ones, their prefix removed."""
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
        """Indices of `symbols`, each one of this side's own.

        Raises:
            UnknownSymbolError: for the first symbol that is not.
        """
        try:
            return list(map(self._own.__getitem__, symbols))
        except KeyError as e:
            raise UnknownSymbolError(e.args[0], self) from e

    def decode(self, indices: Iterable[int]) -> tuple[str, ...]:
        """Symbols at `indices`, the prefix removed where there is one."""
        return tuple(map(self._bare.__getitem__, indices))

    @classmethod
    def of(cls, symbols: Iterable[str]) -> Vocabulary:
        """A table of its own for `symbols`, in code point order after the special symbols.

        Raises:
            SymbolClashError: where one of them is a special symbol.
        """
        return cls((START, END, *sorted(_without_specials(symbols))))

    @classmethod
    def shared(
        cls, graphemes: Iterable[str], phonemes: Iterable[str]
    ) -> tuple[Vocabulary, Vocabulary]:
        """One table for both sides, as CNTK's tutorial has it, seen from either side.

        Code point order gives CNTK's own ``cmudict-0.7b.mapping`` for CMUdict's symbols.

        Raises:
            SymbolClashError: where a symbol would mean two things.
        """
        marked = {CNTK_PREFIX + phoneme for phoneme in _without_specials(phonemes)}
        plain = _without_specials(graphemes)
        if both := marked & plain:
            raise SymbolClashError(both)
        table = tuple(sorted(SPECIALS | marked | plain))
        return cls(table, other_prefix=CNTK_PREFIX), cls(table, CNTK_PREFIX)


def frame(indices: Sequence[int], vocabulary: Vocabulary, *, add_bos_eos: bool) -> list[int]:
    """Indices as the encoder reads them: between ``<s>`` and ``</s>`` with `add_bos_eos`."""
    return [vocabulary.start, *indices, vocabulary.end] if add_bos_eos else list(indices)


def _without_specials(symbols: Iterable[str]) -> set[str]:
    found = set(symbols)
    if clash := found & SPECIALS:
        raise SymbolClashError(clash)
    return found
