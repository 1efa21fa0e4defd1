"""The command that asks an artifact for pronunciations."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import typer

from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.cli import bulk
from tanger.model.cli.common import (
    ARTIFACT,
    ArtifactOption,
    DeviceOption,
    PrecisionOption,
    ThreadsOption,
    fail,
    load,
    plain_errors,
)
from tanger.model.decoding import devices
from tanger.model.decoding.hypothesis import MAX_NBEST
from tanger.model.lexicon import Entry, EntryError, Row
from tanger.model.phonology import notation
from tanger.model.phonology.alignment import UNALIGNED, AlignmentError
from tanger.model.phonology.notation import Alphabet
from tanger.model.text.combining import Candidate
from tanger.model.text.pipeline import Speaker
from tanger.model.text.speller import Spelling

AnswerFormat = Literal["cmudict", "tsv", "ctf", "mfa", "kaldi", "kaldip"]
# Formats of other programs: nothing in them is a comment, and words stand as they were given
_DICTIONARIES: tuple[AnswerFormat, ...] = ("mfa", "kaldi", "kaldip")
# The least probability that is written, for those formats have none that is 0
_LEAST = 1e-6
_TINY = 1e-300


def pronounce(
    words: Annotated[
        list[str] | None, typer.Argument(help="Words; without any, --input is read.")
    ] = None,
    input: Annotated[
        Path, typer.Option(help="A file of words, one a line; - is the standard input.")
    ] = Path("-"),
    output: Annotated[
        Path | None,
        typer.Option(help="A file for the answers to --input; repeated, the command goes on."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace other answers at --output.")
    ] = False,
    format: Annotated[
        AnswerFormat,
        typer.Option(
            help="How answers are written; in mfa and kaldip with their probabilities, "
            "relative to the likeliest of the word."
        ),
    ] = "cmudict",
    alphabet: Annotated[
        Alphabet | None, typer.Option(help="The artifact's own by default.")
    ] = None,
    stress: Annotated[
        bool | None,
        typer.Option(help="Stress, as in T AE1 NG ER0; by default in ipa and x-sampa alone."),
    ] = None,
    n: Annotated[
        int,
        typer.Option("--n", min=1, max=MAX_NBEST, help="Most answers a word, the likeliest first."),
    ] = 1,
    alignment: Annotated[
        bool,
        typer.Option(
            "--alignment",
            help="The letters of each phoneme before it, NG:NG ER:ER; none in words read in parts.",
        ),
    ] = False,
    artifact: ArtifactOption = ARTIFACT,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "int8",
    threads: ThreadsOption = None,
) -> None:
    """Pronounce words: one answer a line, in the order of the words; with --n several a word.

    What cannot be pronounced is told on stderr and leaves a line without phonemes (a comment in
    the cmudict format, nothing in ctf, mfa, kaldi and kaldip); all else is answered, and the exit
    status is then 1. Blank lines of the input have no answer; how many there were is told as well.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a word is shown even if it is not UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    with plain_errors():
        _check(words, input, output, format, alignment=alignment, overwrite=overwrite)
        checked = artifacts.read(artifact)
        if alignment and not checked.has_attention:
            raise AlignmentError
        carried = notation.carry_stress(checked.phonemes.own)
        written = notation.choose(
            alphabet,
            notation.available(checked.phonemes.own),
            stressed=stress,
            knows_stress=checked.knows_stress or carried,
        )
        # What decodes chunk beside chunk decodes each of them in one thread
        phonemizer = load(
            checked, device, precision=precision, threads=threads if output is None else 1
        )
        marks = notation.marks_stress(written, stress, carried=carried)
        speaker = Speaker(checked, phonemizer, n=n, alignment=alignment, marks=marks)
        ask = partial(_answers, speaker, alphabet=written, format=format)
        if output is not None:
            identity = {
                "artifact": checked.version,
                "precision": phonemizer.decoder.precision,
                "format": format,
                "alphabet": written,
                "stress": marks,
                "n": n,
                "alignment": alignment,
            }
            failed = bulk.answer(
                input, output, identity=identity, ask=ask, tell=_tell,
                threads=_side_by_side(phonemizer.decoder.device, threads), overwrite=overwrite,
            )  # fmt: skip
        else:
            failed = _print_all(speaker, ask, words, input, ctf=format == "ctf")
    raise typer.Exit(1 if failed else 0)


def _print_all(
    speaker: Speaker,
    ask: Callable[[Sequence[str]], bulk.Answers],
    words: list[str] | None,
    source: Path,
    *,
    ctf: bool,
) -> bool:
    """Print the answers to words, or to the lines of a file; whether any word has none."""
    lines = _Lines(source)
    if ctf:
        failed = _print_ctf(speaker, words or [word for chunk in lines for word in chunk])
    else:
        failed = _print(ask, [words] if words else lines)
    if lines.blank:
        where = "standard input" if str(source) == "-" else str(source)
        _tell(bulk.blank_lines(lines.blank, where))
    return failed


def _print(ask: Callable[[Sequence[str]], bulk.Answers], chunks: Iterable[Sequence[str]]) -> bool:
    """Print the answers to words as they come; whether any word has none."""
    failed = False
    for chunk in chunks:
        found = ask(chunk)
        for reported in found.warnings:
            _tell(reported)
        print(found.lines, end="")
        failed = failed or found.failed
    return failed


def _print_ctf(speaker: Speaker, words: Sequence[str]) -> bool:
    """Print answers in CTF, which marks phonemes itself and numbers symbols over the whole list."""
    failed = False
    entries = []
    for spelling, ways in speaker.predict(words, "native"):
        for reported in _reported(spelling):
            _tell(reported)
        failed = failed or not ways
        entries += [Entry(spelling.normalized or "", way.phonemes) for way in ways]
    for line in lexicon.render(entries, "ctf") if entries else ():
        print(line)
    return failed


def _check(
    words: Sequence[str] | None,
    input: Path,
    output: Path | None,
    format: AnswerFormat,
    *,
    alignment: bool,
    overwrite: bool,
) -> None:
    """Refuse options that do not go together."""
    listed = str(input) != "-"
    if words and listed:
        fail("say words, or a file of them with --input, not both")
    if output is not None and (not listed or format == "ctf"):
        fail("--output takes a file of words with --input, and any --format but ctf")
    if overwrite and output is None:
        fail("--overwrite is for --output")
    if alignment and format not in ("cmudict", "tsv"):
        fail(f"{format} has no place for an alignment: ask for cmudict or tsv as --format")


def _side_by_side(device: str, threads: int | None) -> int:
    """Chunks to answer at the same time: on a GPU one is decoded while another is spelt."""
    return threads or devices.available() if device == "cpu" else 2


def _answers(
    speaker: Speaker, words: Sequence[str], *, alphabet: Alphabet, format: AnswerFormat
) -> bulk.Answers:
    """What becomes of some words."""
    lines, reported, failed = [], [], False
    for spelling, ways in speaker.predict(words, alphabet):
        try:
            lines.append(_lines(spelling, ways, format, alphabet))
        except EntryError:
            reported.append(f"{spelling.word[:80]!r}: {format} cannot hold it: tsv can")
            failed = True
            continue
        if speaker.alignment or spelling.warnings or spelling.error:
            unaligned = speaker.alignment and any(way.alignment is None for way in ways)
            reported += _reported(spelling, unaligned=unaligned)
        failed = failed or not ways
    return bulk.Answers("".join(lines), reported, failed)


def _lines(
    spelling: Spelling, ways: Sequence[Candidate], format: AnswerFormat, alphabet: Alphabet
) -> str:
    """One word's lines, each with its line feed.

    Raises:
        EntryError: where the format cannot hold them.
    """
    if format in _DICTIONARIES:
        rows = _rows(spelling.word.strip(), ways, format)
        return "".join(f"{line}\n" for line in lexicon.lines_of(rows, format, ()))
    if not ways:
        if format == "tsv":
            return f"{lexicon.escape_tsv(spelling.word.strip())}\t\n"
        code = spelling.error.code if spelling.error else ""
        return f"# {spelling.word[:80]!r}: {code}\n"
    lines = ""
    for number, way in enumerate(ways):
        text = notation.join(way.phonemes, alphabet)
        if way.alignment is not None and spelling.normalized:
            letters = [spelling.normalized[start:end] for start, end in way.alignment.spans]
            text = " ".join(map(":".join, zip(letters, way.phonemes, strict=True)))
        if format == "tsv":
            lines += f"{lexicon.escape_tsv(spelling.word.strip())}\t{text}\n"
        else:
            lines += f"{spelling.normalized}{f'({number})' if number else ''}  {text}\n"
    return lines


def _rows(word: str, ways: Sequence[Candidate], format: AnswerFormat) -> list[Row]:
    """The entries of a word, each with its probability relative to the likeliest, if it has room.

    That is how Kaldi and the Montreal Forced Aligner have them: the likeliest has 1.
    """
    if format == "kaldi":
        return [Row(1, Entry(word, way.phonemes)) for way in ways]
    if len(ways) <= 1:  # the likeliest, whatever its own probability
        return [Row(1, Entry(word, way.phonemes), (1.0,)) for way in ways]
    chances = [1.0 if way.probability is None else way.probability for way in ways]
    best = max(_TINY, *chances)
    return [
        Row(1, Entry(word, way.phonemes), (max(_LEAST, round(chance / best, 6)),))
        for way, chance in zip(ways, chances, strict=True)
    ]


class _Lines:
    """The lines of a file, or of the standard input, some at a time, without the blank ones.

    Attributes:
        blank: how many blank lines there were so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.blank = 0

    def __iter__(self) -> Iterator[list[str]]:
        """Words of `bulk.CHUNK` lines at most."""
        # What is not UTF-8 becomes a word that cannot be spelt, with an answer of its own.
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
        with (
            sys.stdin
            if str(self.path) == "-"
            else self.path.open(encoding="utf-8-sig", errors="surrogateescape") as file
        ):
            while lines := list(islice(file, bulk.CHUNK)):
                words = [word for line in lines if (word := line.strip())]
                self.blank += len(lines) - len(words)
                yield words


def _reported(spelling: Spelling, *, unaligned: bool = False) -> list[str]:
    """Warnings and error of one word, the letters of whose phonemes may not be known."""
    reported = [*spelling.warnings]
    if unaligned:
        reported.append(UNALIGNED)
    if spelling.error is not None:
        reported.append(spelling.error.message)
    return [f"{spelling.word[:80]!r}: {each}" for each in reported]


def _tell(reported: str) -> None:
    print(reported, file=sys.stderr)
