"""The command that pronounces words."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from tanger.model import artifact_folders
from tanger.model.cli import bulk
from tanger.model.cli.answer_writer import FREE_FORMATS, AnswerFormat, Answers, AnswerWriter
from tanger.model.cli.common import (
    AlphabetOption,
    DeviceOption,
    LanguageOption,
    LexiconOption,
    PrecisionOption,
    SourceOption,
    SpokenArtifactOption,
    StressOption,
    ThreadsOption,
    VariantOrderOption,
    escape_output,
    fail,
    load,
    load_dictionaries,
    open_input,
    plain_errors,
)
from tanger.model.decoding import devices
from tanger.model.decoding.hypothesis import MAX_NBEST
from tanger.model.text.pipeline import Options, Pipeline
from tanger.model.text.text_phonemizer import TextPhonemizer

WordsArgument = Annotated[
    list[str] | None, typer.Argument(help="Words; by default those of --input.")
]
InputOption = Annotated[
    Path, typer.Option(help="File of words, one per line; - for standard input.")
]
OutputOption = Annotated[
    Path | None,
    typer.Option(help="Output file for --input; if it is incomplete, the command resumes."),
]
OverwriteOption = Annotated[
    bool, typer.Option("--overwrite", help="Overwrite an --output of other words or options.")
]
ShardOption = Annotated[
    str,
    typer.Option(
        metavar="INDEX/COUNT",
        help="Process one of COUNT parts of --input, numbered from 0, to distribute them over "
        "machines. The concatenated outputs equal that of the whole list.",
    ),
]
FormatOption = Annotated[
    AnswerFormat,
    typer.Option(
        help="Output format; mfa and kaldip include probabilities relative to the word's most "
        "likely pronunciation."
    ),
]
NOption = Annotated[
    int,
    typer.Option("--n", min=1, max=MAX_NBEST, help="Maximum number of pronunciations per word."),
]
AlignmentOption = Annotated[
    bool,
    typer.Option(
        "--alignment",
        help="Write each phoneme's letters before it, NG:NG ER:ER; not for words read in parts.",
    ),
]
PhoneSeparatorOption = Annotated[
    str | None,
    typer.Option(
        help="Separator of phonemes in the formats cmudict and tsv; by default a space, or "
        "syllable breaks only in ipa and x-sampa."
    ),
]
WordSeparatorOption = Annotated[
    str,
    typer.Option(
        help="Separator of the parts of a word that is read in parts, in the same formats."
    ),
]
AsWrittenOption = Annotated[
    bool,
    typer.Option(
        "--as-written/--normalized",
        help="Spelling of words in the format cmudict: as in the input, or in the artifact's "
        "graphemes.",
    ),
]


def pronounce(
    words: WordsArgument = None,
    input: InputOption = Path("-"),
    output: OutputOption = None,
    overwrite: OverwriteOption = False,
    shard: ShardOption = "0/1",
    format: FormatOption = "cmudict",
    alphabet: AlphabetOption = None,
    stress: StressOption = None,
    n: NOption = 1,
    alignment: AlignmentOption = False,
    phone_separator: PhoneSeparatorOption = None,
    word_separator: WordSeparatorOption = " ",
    as_written: AsWrittenOption = True,
    source: SourceOption = "auto",
    lexicon: LexiconOption = None,
    variant_order: VariantOrderOption = "network",
    language: LanguageOption = None,
    artifact: SpokenArtifactOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "int8",
    threads: ThreadsOption = None,
) -> None:
    """Pronounce words: one answer per line, in the order of the words; with --n several per word.

    Words that cannot be pronounced are reported on stderr, leave a line without phonemes (cmudict:
    a comment; ctf, mfa, kaldi and kaldip: nothing), and make the exit status 1. Blank lines of the
    input are counted, but have no answer.
    """
    escape_output()
    with plain_errors():
        part = bulk.Shard.parse(shard)
        _check(words, input, output, format, overwrite=overwrite, shard=part)
        if format not in FREE_FORMATS and (alignment or phone_separator or word_separator != " "):
            fail(
                f"{format} has no place for an alignment or other separators: ask for cmudict or "
                "tsv as --format"
            )
        checked, variant = artifact_folders.open_artifact(artifact, language)
        dictionaries = load_dictionaries(checked, source, lexicon, variant_order)
        pipeline = Pipeline(checked, dictionaries=dictionaries).spoken_as(variant)
        options = pipeline.options(
            source=source, alphabet=alphabet, stress=stress, n=n, alignment=alignment
        )
        if format == "ctf":  # CTF has symbols of its own
            options = options._replace(alphabet="native")
        # With --output, several chunks are decoded in parallel, each in one thread
        network = load(
            checked, device, precision=precision, threads=threads if output is None else 1
        )
        phonemizer = TextPhonemizer(pipeline, network)
        writer = AnswerWriter(format, options.alphabet, phone_separator, word_separator, as_written)
        answer_chunk = partial(_answers, phonemizer, options, writer)
        if output is None:
            failed = _print(answer_chunk, words, input, whole=format == "ctf")
        else:
            failed = bulk.answer(
                input,
                output,
                identity={
                    "origin": repr(pipeline.identity),
                    "precision": network.decoder.precision,
                    **({} if variant is None else {"variant": variant.code}),
                    **options._asdict(),
                    **asdict(writer),
                },
                answer_chunk=answer_chunk,
                report=_report,
                threads=_side_by_side(network.decoder.device, threads),
                overwrite=overwrite,
                shard=part,
            )
    raise typer.Exit(1 if failed else 0)


def _check(
    words: Sequence[str] | None,
    input: Path,
    output: Path | None,
    format: AnswerFormat,
    *,
    overwrite: bool,
    shard: bulk.Shard,
) -> None:
    """Exit with an error if options contradict each other."""
    listed = str(input) != "-"
    if words and listed:
        fail("say words, or a file of them with --input, not both")
    if output is not None and (not listed or format == "ctf"):
        fail("--output takes a file of words with --input, and any --format but ctf")
    if overwrite and output is None:
        fail("--overwrite is for --output")
    if shard != bulk.WHOLE and output is None:
        fail("--shard is for --output: every shard goes into a file of its own")


def _answers(
    phonemizer: TextPhonemizer, options: Options, writer: AnswerWriter, words: Sequence[str]
) -> Answers:
    return writer.write(phonemizer.results(words, options))


def _print(
    answer_chunk: Callable[[Sequence[str]], Answers],
    words: list[str] | None,
    input: Path,
    *,
    whole: bool,
) -> bool:
    """Print the answers to words, or to the lines of a file, chunk by chunk.

    Args:
        answer_chunk: function that answers a chunk of words.
        words: the words, if they are given as arguments.
        input: file of words, otherwise.
        whole: answer the whole file at once.

    Returns:
        Whether any word has no pronunciation.
    """
    lines = _Lines(input)
    chunks: Iterable[Sequence[str]] = [words] if words else lines
    if whole:
        chunks = [[word for chunk in chunks for word in chunk]]
    failed = False
    for chunk in chunks:
        found = answer_chunk(chunk)
        for line in found.warnings:
            _report(line)
        print(found.lines, end="")
        failed = failed or found.failed
    if lines.blank:
        where = "standard input" if str(input) == "-" else str(input)
        _report(bulk.blank_lines(lines.blank, where))
    return failed


def _side_by_side(device: str, threads: int | None) -> int:
    """Return the number of parallel chunks; on a GPU 2: one is decoded while the other is read."""
    return threads or devices.available_cores() if device == "cpu" else 2


class _Lines:
    """Iterates over the non-blank lines of a file, or of standard input, in chunks.

    Attributes:
        blank: number of blank lines so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.blank = 0

    def __iter__(self) -> Iterator[list[str]]:
        """Yield the words of up to `bulk.CHUNK` lines at a time."""
        with open_input(self.path) as file:  # a word with invalid bytes gets an error as its answer
            while lines := list(islice(file, bulk.CHUNK)):
                words = [word for line in lines if (word := line.strip())]
                self.blank += len(lines) - len(words)
                yield words


def _report(line: str) -> None:
    print(line, file=sys.stderr)
