"""The command that pronounces words."""

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
from tanger.model import lexicon as lexicons
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
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.candidates import Candidate
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.pipeline import Options, Pipeline, Result, TextPhonemizer
from tanger.model.text.resolution import Source

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
    source: Annotated[
        Source,
        typer.Option(
            help="Where pronunciations come from: the network; dictionaries, which are CMUdict "
            "where the phonemes are ARPAbet and those of --lexicon; or, with auto, the network "
            "where these do not have the word."
        ),
    ] = "model",
    lexicon: Annotated[
        list[str] | None,
        typer.Option(
            help="A dictionary for --source auto and lexicon; may be repeated, and the last that "
            "has a word wins. FORMAT=PATH where the file does not tell its format."
        ),
    ] = None,
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
        if lexicon and source == "model":
            fail("--lexicon is for --source auto or lexicon")
        checked = artifacts.read(artifact)
        dictionaries = Dictionaries()
        if source != "model":
            dictionaries = Dictionaries.read(Inventory(checked.phonemes.own), files=lexicon or ())
        pipeline = Pipeline(checked, dictionaries=dictionaries)
        options = pipeline.options(
            source=source, alphabet=alphabet, stress=stress, n=n, alignment=alignment
        )
        # What decodes chunk beside chunk decodes each of them in one thread
        network = load(
            checked, device, precision=precision, threads=threads if output is None else 1
        )
        phonemizer = TextPhonemizer(pipeline, network)
        if output is not None:
            identity = {
                "artifact": checked.version,
                "precision": network.decoder.precision,
                "format": format,
                "lexicons": dictionaries.revision,
                **options._asdict(),
            }
            failed = bulk.answer(
                input, output, identity=identity, tell=_tell,
                ask=partial(_answers, phonemizer, options=options, format=format),
                threads=_side_by_side(network.decoder.device, threads), overwrite=overwrite,
            )  # fmt: skip
        else:
            failed = _print_all(phonemizer, options, words, input, format)
    raise typer.Exit(1 if failed else 0)


def _print_all(
    phonemizer: TextPhonemizer,
    options: Options,
    words: list[str] | None,
    input: Path,
    format: AnswerFormat,
) -> bool:
    """Print the answers to words, or to the lines of a file; whether any word has none."""
    lines = _Lines(input)
    if format == "ctf":
        listed = words or [word for chunk in lines for word in chunk]
        failed = _print_ctf(phonemizer, options, listed)
    else:
        ask = partial(_answers, phonemizer, options=options, format=format)
        failed = _print(ask, [words] if words else lines)
    if lines.blank:
        where = "standard input" if str(input) == "-" else str(input)
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


def _print_ctf(phonemizer: TextPhonemizer, options: Options, words: Sequence[str]) -> bool:
    """Print answers in CTF, which marks phonemes itself and numbers symbols over the whole list."""
    failed = False
    entries = []
    native = options._replace(alphabet="native")
    for result in phonemizer.results(words, native, probabilities=False):
        for line in _warnings(result):
            _tell(line)
        failed = failed or result.error is not None
        entries += [Entry(result.normalized or "", one.phonemes) for one in result.pronunciations]
    for line in lexicons.render(entries, "ctf") if entries else ():
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
    phonemizer: TextPhonemizer, words: Sequence[str], *, options: Options, format: AnswerFormat
) -> bulk.Answers:
    """The answers to some words, as lines."""
    lines, warnings, failed = [], [], False
    for result in phonemizer.results(words, options, probabilities=False):
        try:
            lines.append(_lines(result, format, options.alphabet))
        except EntryError:
            warnings.append(f"{result.word[:80]!r}: {format} cannot hold it: tsv can")
            failed = True
            continue
        warnings += _warnings(result)
        failed = failed or result.error is not None
    return bulk.Answers("".join(lines), warnings, failed)


def _lines(result: Result, format: AnswerFormat, alphabet: Alphabet) -> str:
    """One word's lines, each with its line feed.

    Raises:
        EntryError: where the format cannot hold them.
    """
    if format in _DICTIONARIES:
        rows = _rows(result.word.strip(), result.pronunciations, format)
        return "".join(f"{line}\n" for line in lexicons.lines_of(rows, format, ()))
    if result.error is not None:
        if format == "tsv":
            return f"{lexicons.escape_tsv(result.word.strip())}\t\n"
        return f"# {result.word[:80]!r}: {result.error.code}\n"
    lines = ""
    for number, one in enumerate(result.pronunciations):
        text = notation.join(one.phonemes, alphabet)
        if one.alignment is not None and result.normalized:
            letters = [result.normalized[start:end] for start, end in one.alignment.spans]
            text = " ".join(map(":".join, zip(letters, one.phonemes, strict=True)))
        if format == "tsv":
            lines += f"{lexicons.escape_tsv(result.word.strip())}\t{text}\n"
        else:
            lines += f"{result.normalized}{f'({number})' if number else ''}  {text}\n"
    return lines


def _rows(word: str, pronunciations: Sequence[Candidate], format: AnswerFormat) -> list[Row]:
    """The entries of a word, each with its probability relative to the likeliest, if it has room.

    That is how Kaldi and the Montreal Forced Aligner have them: the likeliest has 1.
    """
    if format == "kaldi":
        return [Row(1, Entry(word, one.phonemes)) for one in pronunciations]
    if len(pronunciations) <= 1:  # the likeliest, whatever its own probability
        return [Row(1, Entry(word, one.phonemes), (1.0,)) for one in pronunciations]
    chances = [1.0 if one.probability is None else one.probability for one in pronunciations]
    best = max(_TINY, *chances)
    return [
        Row(1, Entry(word, one.phonemes), (max(_LEAST, round(chance / best, 6)),))
        for one, chance in zip(pronunciations, chances, strict=True)
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


def _warnings(result: Result) -> list[str]:
    """Warnings and error of one word, a line each."""
    if not result.warnings and result.error is None:
        return []
    error = () if result.error is None else (result.error.message,)
    return [f"{result.word[:80]!r}: {message}" for message in (*result.warnings, *error)]


def _tell(line: str) -> None:
    print(line, file=sys.stderr)
