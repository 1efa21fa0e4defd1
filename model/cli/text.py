"""The command that reads and pronounces texts."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import typer

from tanger.model import artifact_folders
from tanger.model import lexicon as lexicons
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
    escape_output,
    fail,
    load,
    load_dictionaries,
    open_input,
    plain_errors,
)
from tanger.model.phonology.notation import Alphabet
from tanger.model.text.pipeline import Pipeline
from tanger.model.text.text_phonemizer import TextPhonemizer
from tanger.model.text.texts import (
    PronouncedText,
    TextOptions,
    pronounce_sentences,
    pronounce_text,
    rows,
)

# How `open_input` keeps an invalid byte
_FIRST_SURROGATE = 0xDC00
_INVALID_BYTE = re.compile("[\udc80-\udcff]")

TextFormat = Literal["pronunciation", "spoken", "tsv", "jsonl"]


def text(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Text files; - for standard input, which is the default."),
    ] = None,
    format: Annotated[
        TextFormat,
        typer.Option(
            help="Output format: per line of text its pronunciation, or its words in full; "
            "tsv, per word, with its token and its kind; jsonl, per sentence, as in POST /text."
        ),
    ] = "pronunciation",
    alphabet: AlphabetOption = None,
    stress: StressOption = None,
    punctuation: Annotated[
        bool, typer.Option("--punctuation", help="Keep punctuation marks in pronunciation lines.")
    ] = False,
    weak_forms: Annotated[
        bool,
        typer.Option(
            "--weak-forms", help="Use weak forms of function words: the, to, of, and, can."
        ),
    ] = False,
    alignment: Annotated[
        bool, typer.Option("--alignment", help="Write the letters of each phoneme (jsonl only).")
    ] = False,
    ssml: Annotated[
        bool, typer.Option("--ssml", help="Parse each file as an SSML document.")
    ] = False,
    source: SourceOption = "auto",
    lexicon: LexiconOption = None,
    language: LanguageOption = None,
    artifact: SpokenArtifactOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "int8",
    threads: ThreadsOption = None,
) -> None:
    """Read texts line by line and pronounce them, including numbers and abbreviations.

    Lines that are not UTF-8 and words that cannot be pronounced are reported on stderr, and the
    exit status is 1.
    """
    escape_output()
    failed = False
    with plain_errors():
        if alignment and format != "jsonl":
            fail("--alignment is for --format jsonl")
        _check(files or [])
        checked, variant = artifact_folders.open_artifact(artifact, language)
        dictionaries = load_dictionaries(checked, source, lexicon)
        phonemizer = TextPhonemizer(
            Pipeline(checked, dictionaries=dictionaries).spoken_as(variant),
            load(checked, device, precision=precision, threads=threads),
        )
        options = TextOptions(
            source=source,
            alphabet=alphabet,
            stress=stress,
            punctuation=punctuation,
            weak_forms=weak_forms,
            ssml=ssml,
            alignment=alignment,
        )
        chosen = alphabet or phonemizer.pipeline.alphabets[0]
        for place, line in _texts(files or [Path("-")], whole=ssml):
            failed = _report_encoding(place, line) or failed
            whole = format != "jsonl"
            for found in (
                [pronounce_text(phonemizer, line, **options)]
                if whole
                else pronounce_sentences(phonemizer, line, **options)
            ):
                print(_shown(found, format, chosen), end="", flush=True)
                failed = _report_errors(found) or failed
    raise typer.Exit(1 if failed else 0)


def _check(files: list[Path]) -> None:
    """Fail if a file is missing; often it is the text itself that was given."""
    for path in files:
        if str(path) != "-" and not path.exists():
            fail(
                f"{path}: No such file or directory; arguments are files, and the text itself goes "
                "to the standard input: echo 'a text' | tanger text"
            )


def _texts(files: list[Path], *, whole: bool) -> Iterator[tuple[str, str]]:
    """Yield the lines of files, without line ends, or whole files, each with its place."""
    for path in files:
        name = "standard input" if str(path) == "-" else str(path)
        with open_input(path) as file:
            if whole:
                yield name, file.read()
            else:
                for number, line in enumerate(file, 1):
                    yield f"{name}:{number}", line.rstrip("\r\n")


def _report_encoding(place: str, line: str) -> bool:
    """Print the first byte of a line that is not UTF-8; return whether there is one."""
    if (match := _INVALID_BYTE.search(line)) is None:
        return False
    byte = ord(match[0]) - _FIRST_SURROGATE
    print(f"{place}: the byte {byte:#x} is not UTF-8 and is not read", file=sys.stderr)
    return True


def _report_errors(found: PronouncedText) -> bool:
    """Print the errors of a text; return whether there are any."""
    failures = [each for each in found.tokens if each.error is not None]
    for each in failures:
        message = each.error.message if each.error else ""
        print(f"{each.token.text[:80]!r}: {message}", file=sys.stderr)
    return bool(failures)


def _shown(found: PronouncedText, format: TextFormat, alphabet: Alphabet) -> str:
    """Format a text, with line ends."""
    if format == "spoken":
        return f"{found.spoken}\n"
    if format == "pronunciation":
        return f"{found.pronunciation}\n"
    if format == "jsonl":
        return f"{json.dumps(found.to_dict(alphabet), ensure_ascii=False)}\n"
    found_rows = (row for each in found.tokens for row in rows(each, alphabet))
    lines = "".join(map(lexicons.tsv_line, found_rows))
    return f"{lines}\n"  # an empty line after each text
