"""Format results as lines of a lexicon, for the command ``pronounce``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from tanger.model import lexicon
from tanger.model.lexicon import Entry, EntryError, Row
from tanger.model.lexicon.line_formats import has_comment
from tanger.model.phonology.alignment import Alignment
from tanger.model.phonology.notation import Alphabet
from tanger.model.text.candidates import Candidate
from tanger.model.text.pipeline import Result

AnswerFormat = Literal["cmudict", "tsv", "ctf", "mfa", "kaldi", "kaldip"]
# Formats whose pronunciations may be written freely; the other formats prescribe how.
FREE_FORMATS: tuple[AnswerFormat, ...] = ("cmudict", "tsv")
# Smallest probability that is written: formats with probabilities do not allow 0.
_LEAST = 1e-6
_TINY = 1e-300


class Answers(NamedTuple):
    """Formatted answers to a chunk of words.

    Attributes:
        lines: the output, each line with its line feed.
        warnings: warnings and errors, one per line.
        failed: whether a word has no pronunciation.
    """

    lines: str
    warnings: list[str]
    failed: bool


@dataclass(frozen=True)
class AnswerWriter:
    """Formats results.

    Attributes:
        format: format of the lines.
        alphabet: alphabet of the pronunciations.
        phone_separator: separator of phonemes, by default that of the alphabet; for `FREE_FORMATS`.
        word_separator: separator between the parts of a word, such as those of a number; for
            `FREE_FORMATS`.
        as_written: whether the format cmudict has words as given instead of normalised; a word that
            would be a comment is normalised all the same.
    """

    format: AnswerFormat
    alphabet: Alphabet
    phone_separator: str | None = None
    word_separator: str = " "
    as_written: bool = True

    def write(self, results: Iterable[Result]) -> Answers:
        """Format the results of several words; also return the warnings about them."""
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
        """Yield the lines of one word.

        Raises:
            EntryError: if the format cannot represent the word.
        """
        word = result.word.strip()
        if self.format not in FREE_FORMATS:
            # Formats of other programs, which may not support comments
            rows = _rows(_entries(word, result), result.pronunciations, self.format)
            yield from lexicon.lines_of(rows, self.format, self.alphabet)
        elif self.format == "tsv":
            yield from (
                f"{lexicon.escape_tsv(word)}\t{text}" for text in self._texts(result) or [""]
            )
        elif result.error is not None:
            yield f"# {result.word[:80]!r}: {result.error.code}"
        else:
            key = word if self.as_written and not has_comment(word) else result.normalized
            for number, text in enumerate(self._texts(result)):
                yield f"{key}{f'({number})' * bool(number)}  {text}"

    def _texts(self, result: Result) -> list[str]:
        """Return the pronunciations of a word as texts."""
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
    """Join phonemes with their letters, as in ``NG:NG ER:ER``."""
    spans = (letters[start:end] for start, end in alignment.spans)
    return " ".join(map(":".join, zip(spans, phonemes, strict=True)))


def _entries(word: str, result: Result) -> list[Entry]:
    return [Entry(word, one.phonemes) for one in result.pronunciations]


def _rows(
    entries: list[Entry], pronunciations: Iterable[Candidate], format: AnswerFormat
) -> Iterator[Row]:
    """Yield the entries of one word, with probabilities relative to the most probable one.

    Kaldi and the Montreal Forced Aligner normalise probabilities so that the most probable is 1.
    The format ``kaldi`` has no probabilities.
    """
    if format == "kaldi":
        return (Row(1, entry) for entry in entries)
    probabilities = [1.0 if one.probability is None else one.probability for one in pronunciations]
    if len(probabilities) <= 1:  # the only one has 1, whatever its own probability
        return (Row(1, entry, (1.0,)) for entry in entries)
    best = max(_TINY, *probabilities)
    return (
        Row(1, entry, (max(_LEAST, round(probability / best, 6)),))
        for entry, probability in zip(entries, probabilities, strict=True)
    )


def _messages(result: Result) -> list[str]:
    """Return warnings and error of one word, one per line."""
    error = () if result.error is None else (result.error.message,)
    return [f"{result.word[:80]!r}: {message}" for message in (*result.warnings, *error)]
