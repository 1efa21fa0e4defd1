"""Results as lines of a lexicon: what the command ``pronounce`` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tanger.model import lexicon
from tanger.model.lexicon import Entry, EntryError, Row
from tanger.model.phonology.alignment import Alignment
from tanger.model.phonology.notation import Alphabet
from tanger.model.text.candidates import Candidate
from tanger.model.text.pipeline import Result

AnswerFormat = Literal["cmudict", "tsv", "ctf", "mfa", "kaldi", "kaldip"]
# Where lines are free text: the others say how a pronunciation is written.
FREE_FORMATS: tuple[AnswerFormat, ...] = ("cmudict", "tsv")
# The least probability that is written, for the formats that have them have none that is 0.
_LEAST = 1e-6
_TINY = 1e-300


class Answers(NamedTuple):
    """The answers to a chunk of words.

    Attributes:
        lines: to write, each with its line feed.
        warnings: warnings and errors, one a line.
        failed: whether one of the words has no pronunciation.
    """

    lines: str
    warnings: list[str]
    failed: bool


@dataclass(frozen=True)
class AnswerWriter:
    """Writes results in a format.

    Attributes:
        format: of the lines.
        alphabet: that pronunciations are written in.
        phone_separator: between phonemes; None for the alphabet's own. For `FREE_FORMATS` alone.
        word_separator: between the words of what was read in parts; likewise.
        as_written: whether words are written as they were given, where the format is cmudict.
    """

    format: AnswerFormat
    alphabet: Alphabet
    phone_separator: str | None = None
    word_separator: str = " "
    as_written: bool = False

    def write(self, results: Iterable[Result]) -> Answers:
        """The lines of some words, and the warnings about them."""
        lines: list[str] = []
        warnings: list[str] = []
        entries: list[Entry] = []
        failed = False
        for result in results:
            failed = failed or result.error is not None
            try:
                if self.format == "ctf":
                    entries += _entries(result.normalized or "", result)
                else:
                    lines += self._lines(result)
            except EntryError:
                warnings.append(f"{result.word[:80]!r}: {self.format} cannot hold it: tsv can")
                failed = True
                continue
            if result.warnings or result.error is not None:
                warnings += _messages(result)
        if entries:  # CTF numbers the symbols of the whole list
            lines = list(lexicon.render(entries, "ctf"))
        return Answers("".join(f"{line}\n" for line in lines), warnings, failed)

    def _lines(self, result: Result) -> Iterator[str]:
        """One word's lines.

        Raises:
            EntryError: where the format cannot hold them.
        """
        word = result.word.strip()
        if self.format not in FREE_FORMATS:
            # Lexicons of other programs: nothing in them is a comment
            rows = _rows(_entries(word, result), result.pronunciations, self.format)
            yield from lexicon.lines_of(rows, self.format, self.alphabet)
        elif self.format == "tsv":
            yield from (
                f"{lexicon.escape_tsv(word)}\t{text}" for text in self._texts(result) or [""]
            )
        elif result.error is not None:
            yield f"# {result.word[:80]!r}: {result.error.code}"
        else:
            key = word if self.as_written else result.normalized
            for number, text in enumerate(self._texts(result)):
                yield f"{key}{f'({number})' * bool(number)}  {text}"

    def _texts(self, result: Result) -> list[str]:
        """The pronunciations of a word, each as one text."""
        return [
            one.text(
                self.alphabet,
                phone_separator=self.phone_separator,
                word_separator=self.word_separator,
            )
            if one.alignment is None
            else _aligned(result.normalized or "", one.phonemes, one.alignment)
            for one in result.pronunciations
        ]


def _aligned(letters: str, phonemes: Iterable[str], alignment: Alignment) -> str:
    """Phonemes with their letters, as in ``NG:NG ER:ER``."""
    spans = (letters[start:end] for start, end in alignment.spans)
    return " ".join(map(":".join, zip(spans, phonemes, strict=True)))


def _entries(word: str, result: Result) -> list[Entry]:
    return [Entry(word, one.phonemes) for one in result.pronunciations]


def _rows(
    entries: list[Entry], pronunciations: Iterable[Candidate], format: AnswerFormat
) -> Iterator[Row]:
    """Entries of one word, with probabilities relative to the likeliest where they have room.

    That is how Kaldi and the Montreal Forced Aligner have them: the likeliest has 1.
    """
    if format == "kaldi":
        return (Row(1, entry) for entry in entries)
    chances = [1.0 if one.probability is None else one.probability for one in pronunciations]
    if len(chances) <= 1:  # the likeliest, whatever its own probability
        return (Row(1, entry, (1.0,)) for entry in entries)
    best = max(_TINY, *chances)
    return (
        Row(1, entry, (max(_LEAST, round(chance / best, 6)),))
        for entry, chance in zip(entries, chances, strict=True)
    )


def _messages(result: Result) -> list[str]:
    """Warnings and error of one word, a line each."""
    error = () if result.error is None else (result.error.message,)
    return [f"{result.word[:80]!r}: {message}" for message in (*result.warnings, *error)]
