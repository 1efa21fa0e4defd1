"""The command that asks an artifact for pronunciations."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Literal

import typer

from model import alphabets, checkpoint, lexicon
from model.alphabets import Alphabet
from model.cli import bulk
from model.cli.common import (
    ARTIFACT,
    ArtifactOption,
    DeviceOption,
    PrecisionOption,
    ThreadsOption,
    fail,
    load,
    plain_errors,
)
from model.english import Phonemes
from model.lexicon import Entry
from model.reading import Part, Reader
from model.spelling import Spelling

# `convert` makes the others of these
AnswerFormat = Literal["cmudict", "tsv", "ctf"]


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
    format: Annotated[AnswerFormat, typer.Option(help="How answers are written.")] = "cmudict",
    alphabet: Annotated[
        Alphabet | None, typer.Option(help="The artifact's own by default.")
    ] = None,
    stress: Annotated[
        bool | None,
        typer.Option(help="Stress, as in T AE1 NG ER0; by default in ipa and x-sampa alone."),
    ] = None,
    artifact: ArtifactOption = ARTIFACT,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "int8",
    threads: ThreadsOption = None,
) -> None:
    """Pronounce words: one answer a line, in the order of the words.

    What cannot be pronounced is told on stderr and leaves a line without phonemes (a comment in
    the cmudict format, nothing in ctf); all else is answered, and the exit status is then 1.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):  # a word is shown even if it is not UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    with plain_errors():
        if output is not None and (words or str(input) == "-" or format == "ctf"):
            fail("--output takes a file of words with --input, and cmudict or tsv as --format")
        checked = checkpoint.read(artifact)
        written = alphabets.choose(
            alphabet,
            alphabets.available(checked.phonemes.own),
            stressed=stress,
            knows_stress=checked.knows_stress,
        )
        phonemizer = load(artifact, device, precision=precision, threads=threads)
        marks = alphabets.marks_stress(written, stress)
        reader = Reader(
            checked.graphemes.own, checked.phonemes.own, knows_stress=checked.knows_stress
        )

        def ask(some: Sequence[str], alphabet: Alphabet) -> list[tuple[Spelling, Phonemes]]:
            """Each word's spelling and, where it has one, pronunciation in `alphabet`."""
            readings = [reader.read(word) for word in some]
            parts = [part for reading in readings for part in reading.parts]
            answers = iter(phonemizer.pronounce([p.text for p in parts if p.spoken is None]))

            def say(part: Part) -> Phonemes:
                if part.spoken is not None:
                    phonemes, digits = reader.by_rule(part.spoken)
                else:
                    answer = next(answers)
                    phonemes, digits = answer.phonemes, answer.stress
                return alphabets.write(phonemes, alphabet, digits, marks=marks)

            return [
                (reading.spelling, tuple(chain.from_iterable(map(say, reading.parts))))
                for reading in readings
            ]

        def lines(some: Sequence[str]) -> bulk.Answers:
            asked = ask(some, written)
            return bulk.Answers(
                "".join(_line(each, phonemes, format, written) for each, phonemes in asked),
                [told for each, _ in asked for told in _told(each)],
                any(each.normalized is None for each, _ in asked),
            )

        failed = False
        if output is not None:
            identity = {
                "artifact": checked.version,
                "precision": phonemizer.decoder.precision,
                "format": format,
                "alphabet": written,
                "stress": marks,
            }
            failed = bulk.answer(input, output, identity=identity, ask=lines, tell=_tell)
        elif format == "ctf":  # marks phonemes itself, and numbers symbols over the whole list
            entries = []
            for each, phonemes in ask(
                words or [w for chunk in _chunks(input) for w in chunk], "native"
            ):
                for told in _told(each):
                    _tell(told)
                failed = failed or each.normalized is None
                if each.normalized:
                    entries.append(Entry(each.normalized, phonemes))
            for line in lexicon.render(entries, "ctf") if entries else ():
                print(line)
        else:
            for chunk in [words] if words else _chunks(input):
                found = lines(chunk)
                for told in found.told:
                    _tell(told)
                print(found.lines, end="")
                failed = failed or found.failed
    raise typer.Exit(1 if failed else 0)


def _line(spelling: Spelling, phonemes: Phonemes, format: AnswerFormat, alphabet: Alphabet) -> str:
    """One word's line, and its line feed."""
    text = alphabets.join(phonemes, alphabet)
    if format == "tsv":
        return f"{spelling.word.strip()}\t{text}\n"
    if spelling.normalized is None:
        return f"# {spelling.word[:80]!r}: {spelling.error.code if spelling.error else ''}\n"
    return f"{spelling.normalized}  {text}\n"


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
        yield from iter(lambda: list(islice(filter(None, words), bulk.CHUNK)), [])


def _told(spelling: Spelling) -> list[str]:
    """Warnings and error of one word."""
    errors = [spelling.error.message] if spelling.error else []
    return [f"{spelling.word[:80]!r}: {told}" for told in (*spelling.warnings, *errors)]


def _tell(told: str) -> None:
    print(told, file=sys.stderr)
