"""The command that asks an artifact for pronunciations."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from model import alphabets, checkpoint, lexicon
from model.alphabets import Alphabet
from model.cli.common import (
    ARTIFACT,
    ArtifactOption,
    DeviceOption,
    PrecisionOption,
    ThreadsOption,
    load,
    plain_errors,
)
from model.lexicon import Entry, LexiconFormat
from model.spelling import Speller, Spelling

# Lines of a list that are read, decoded and written together.
_CHUNK = 4096


def pronounce(
    words: Annotated[
        list[str] | None, typer.Argument(help="Words; without any, --input is read.")
    ] = None,
    input: Annotated[
        Path, typer.Option(help="A file of words, one a line; - is the standard input.")
    ] = Path("-"),
    format: Annotated[LexiconFormat, typer.Option(help="How answers are written.")] = "cmudict",
    alphabet: Annotated[
        Alphabet | None, typer.Option(help="The artifact's own by default.")
    ] = None,
    stress: Annotated[
        bool, typer.Option("--stress", help="Stress digits behind vowels: T AE1 NG ER0.")
    ] = False,
    artifact: ArtifactOption = ARTIFACT,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "int8",
    threads: ThreadsOption = None,
) -> None:
    """Pronounce words: one answer a line, in the order of the words.

    What cannot be pronounced is told on stderr and leaves a line without phonemes (a comment in
    the cmudict format, nothing in ctf); all else is answered, and the exit status is then 1.
    """
    failed = False
    answered: list[Entry] = []
    if isinstance(sys.stdout, io.TextIOWrapper):  # a word is shown even if it is not UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    with plain_errors():
        checked = checkpoint.read(artifact)
        written = alphabets.choose(
            alphabet,
            alphabets.available(checked.phonemes.own),
            stressed=stress,
            knows_stress=checked.knows_stress,
        )
        phonemizer = load(artifact, device, precision=precision, threads=threads)
        speller = Speller(checked.graphemes.own)
        for chunk in [words] if words else _chunks(input):
            spelt = [speller.spell(word) for word in chunk]
            answers = iter(phonemizer.pronounce([s.normalized for s in spelt if s.normalized]))
            for spelling in spelt:
                _tell(spelling)
                if spelling.normalized is None:
                    failed = True
                    _print_failure(spelling, format)
                    continue
                answer = next(answers)
                digits = answer.stress if stress else None
                phonemes = alphabets.write(answer.phonemes, written, digits)
                if format == "ctf":  # marks phonemes itself, and numbers symbols over the list
                    answered.append(
                        Entry(
                            spelling.normalized, alphabets.write(answer.phonemes, "native", digits)
                        )
                    )
                elif format == "tsv":
                    print(spelling.word.strip(), " ".join(phonemes), sep="\t")
                else:
                    print(spelling.normalized, " ".join(phonemes), sep="  ")
        for line in lexicon.render(answered, "ctf") if answered else ():
            print(line)
    raise typer.Exit(1 if failed else 0)


def _chunks(path: Path) -> Iterator[list[str]]:
    """The lines of a file, or of the standard input, some at a time; blank ones are passed over."""
    # What is not UTF-8 becomes a word that cannot be spelt, with an answer of its own.
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")
    with (
        sys.stdin
        if str(path) == "-"
        else path.open(encoding="utf-8-sig", errors="surrogateescape") as file
    ):
        words = (line.strip() for line in file)
        yield from iter(lambda: list(islice(filter(None, words), _CHUNK)), [])


def _tell(spelling: Spelling) -> None:
    """Warnings and error of one word, on stderr."""
    errors = [spelling.error.message] if spelling.error else []
    for told in (*spelling.warnings, *errors):
        print(f"{spelling.word[:80]!r}: {told}", file=sys.stderr)


def _print_failure(spelling: Spelling, format: LexiconFormat) -> None:
    if format == "cmudict":
        print(f"# {spelling.word[:80]!r}: {spelling.error.code if spelling.error else ''}")
    elif format == "tsv":
        print(spelling.word.strip(), end="\t\n")
