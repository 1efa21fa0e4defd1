"""The command line: ``python -m model COMMAND``, each of them a function here.

torch takes a second to load, so the commands import what they use.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console

from model import alphabets, checkpoint, download, lexicon
from model.alphabets import Alphabet
from model.errors import TangerError
from model.lexicon import Entry, LexiconFormat
from model.spelling import Speller, Spelling

if TYPE_CHECKING:
    from model.evaluation import Evaluation

ARTIFACT = Path(__file__).parent.parent / "artifacts" / "en-us"
# Lines of a list that are read, decoded and written together.
_CHUNK = 4096

app = typer.Typer(
    help="Words to phonemes: train a network, measure it, ask it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

ArtifactOption = Annotated[Path, typer.Option(help="The artifact's folder.")]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
ThreadsOption = Annotated[int | None, typer.Option(min=1, help="CPU threads; all by default.")]


@app.command()
def train(
    recipe: Annotated[str, typer.Option(help="A recipe's name, or a TOML file.")],
    lexicon: Annotated[Path, typer.Option(help="The training lexicon, in any format.")],
    dev: Annotated[Path, typer.Option(help="The lexicon that chooses the best epoch.")],
    out: Annotated[Path, typer.Option(help="Where the artifact goes.")],
    init: Annotated[
        Path | None, typer.Option(help="An artifact to start from, in place of random weights.")
    ] = None,
    further: Annotated[
        list[Path] | None, typer.Option(help="A lexicon of more entries, as `derive` makes them.")
    ] = None,
    soft_labels: Annotated[
        Path | None,
        typer.Option(help="What `label` made, to train on in the training lexicon's place."),
    ] = None,
    stress: Annotated[
        Path | None,
        typer.Option(help="A lexicon with stress digits, for a recipe with a stress head."),
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run's state; runs/NAME by default.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run.")] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Start over, giving up an unfinished run.")
    ] = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="The recipe's short run, to see that all works.")
    ] = False,
    save_every: Annotated[
        float, typer.Option(min=0, help="Seconds of work that a killed run loses at most.")
    ] = 60.0,
) -> None:
    """Train an artifact. Ctrl-C saves, --resume goes on; torchrun makes it several processes."""
    from model import recipe as recipes
    from model import run_state
    from model.lexicon import read
    from model.processes import joined
    from model.progress import ConsoleReporter
    from model.training import train as run_training

    console = Console()
    with _plain_errors():
        followed = recipes.load(recipe, entries=len(read(lexicon)), fast=fast)
        folder = run or Path("runs") / out.name
        unfinished = run_state.peek(folder / run_state.FILE) if not (resume or restart) else None
        if unfinished is not None and not unfinished.finished:
            raise run_state.RunStateError(
                folder,
                f"holds an unfinished run, in epoch {unfinished.epoch + 1}: --resume goes on "
                "with it, --restart gives it up, --run names another folder",
            )
        _set_threads(threads)
        with joined(device) as processes, ConsoleReporter(console) as reporter:
            finished = run_training(
                followed,
                lexicon_path=lexicon,
                dev_path=dev,
                out=out,
                run=folder,
                init=init,
                further=further or (),
                soft_labels=soft_labels,
                stress=stress,
                reporter=reporter,
                processes=processes,
                resume=resume,
                save_seconds=save_every,
            )
    if not finished:
        console.print(f"stopped and saved in {folder}; go on with --resume", markup=False)
        raise typer.Exit(130)
    console.print(f"the best epoch's artifact is {out}", markup=False)


@app.command()
def evaluate(
    lexicon: Annotated[Path, typer.Option(help="What to score on.")],
    artifact: Annotated[
        list[Path] | None,
        typer.Option(help="The artifact's folder; several answer by their mean, and keep nothing."),
    ] = None,
    stress: Annotated[
        Path | None, typer.Option(help="A lexicon with stress digits, to score stress by.")
    ] = None,
    known: Annotated[
        Path | None, typer.Option(help="The training lexicon, to score kinds of English words by.")
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    unmasked: Annotated[
        bool, typer.Option("--unmasked", help="Let any symbol be emitted, not only phonemes.")
    ] = False,
    keep: Annotated[
        bool, typer.Option(help="Write the figures into the artifact and its model card.")
    ] = True,
) -> None:
    """Score an artifact on a lexicon, greedily: error rates, speed, confusions."""
    from model import evaluation
    from model.phonemizer import Phonemizer

    with _plain_errors():
        _set_threads(threads)
        artifacts = artifact or [ARTIFACT]
        if len(artifacts) == 1:
            phonemizer = Phonemizer.load(artifacts[0], device, masked=not unmasked)
        else:
            phonemizer = Phonemizer.load_ensemble(artifacts, device, masked=not unmasked)
        found = evaluation.evaluate(phonemizer, lexicon, stress_path=stress, known_path=known)
    # Kept although nobody may read on, and printed although it may not be possible to keep it
    try:
        _print_evaluation(" + ".join(map(str, artifacts)), lexicon, found)
    finally:
        if keep and not unmasked and len(artifacts) == 1:
            with _plain_errors():
                evaluation.keep(artifacts[0], found)


@app.command()
def calibrate(
    lexicon: Annotated[Path, typer.Option(help="Words that training did not hold.")],
    artifact: ArtifactOption = ARTIFACT,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Fit an artifact's probabilities to the words of a lexicon."""
    from model import evaluation
    from model.phonemizer import Phonemizer

    with _plain_errors():
        _set_threads(threads)
        found = evaluation.calibrate(Phonemizer.load(artifact, device), lexicon)
        checkpoint.recalibrate(checkpoint.read(artifact), found)
    print(f"{artifact} is calibrated on {lexicon}: evaluate it again")


@app.command()
def spellings(
    lexicon: Annotated[Path, typer.Option(help="Gives the letters; its words are left out.")],
    out: Annotated[Path, typer.Option(help="Where the words go, one a line.")],
    without: Annotated[
        list[Path] | None, typer.Option(help="Lexicons whose words are left out: dev, test.")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Of which wordfreq lists frequent words; en.")
    ] = None,
    most: Annotated[int | None, typer.Option(min=1, help="So many of them at most.")] = None,
) -> None:
    """List words that no lexicon pronounces, for teachers to label (needs wordfreq)."""
    from model import spellings as lists
    from model.checkpoint import replace_file
    from model.lexicon import read

    with _plain_errors():
        own = {entry.word for entry in read(lexicon)}
        held_out = {entry.word for path in without or () for entry in read(path)}
        graphemes = {grapheme for word in own for grapheme in word}
        found = lists.frequent(language or ["en"], graphemes, without=own | held_out)
        words = list(islice(found, most))
        replace_file(out, "".join(f"{word}\n" for word in words).encode())
    print(f"{len(words):,} words written to {out}")


@app.command()
def derive(
    lexicon: Annotated[Path, typer.Option(help="A lexicon of English in ARPAbet.")],
    out: Annotated[Path, typer.Option(help="Where the entries go.")],
    words: Annotated[
        Path | None, typer.Option(help="Spellings, one a line; those with a known stem are taken.")
    ] = None,
    without: Annotated[
        list[Path] | None, typer.Option(help="Lexicons whose words are left out: dev, test.")
    ] = None,
    possessives: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the lexicon that gets a possessive.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Draws that share.")] = 1,
) -> None:
    """Pronounce forms of the lexicon's words by rule, for networks to learn the rules from."""
    import random

    from model import english
    from model.lexicon import pronunciations, read, write

    with _plain_errors():
        known = pronunciations(read(lexicon))
        left_out = {entry.word for path in without or () for entry in read(path)} | set(known)
        stems = [word for word in known if "'" not in word and not word.endswith("S")]
        drawn = random.Random(seed).sample(stems, round(possessives * len(stems)))
        asked = words.read_text("utf-8").split() if words else []
        forms = dict.fromkeys([*asked, *(f"{stem}'S" for stem in drawn)])
        entries = [
            Entry(form, phonemes)
            for form in forms
            if form not in left_out
            for phonemes in english.derive(form, known)
        ]
        write(out, entries, "cmudict")
    print(f"{len(entries):,} entries written to {out}")


@app.command()
def label(
    teacher: Annotated[list[Path], typer.Option(help="An artifact; several answer by their mean.")],
    lexicon: Annotated[
        list[Path], typer.Option(help="The training lexicon, and others to train on.")
    ],
    out: Annotated[Path, typer.Option(help="Where the soft labels go (.safetensors).")],
    words: Annotated[
        Path | None, typer.Option(help="Further spellings, one a line, that teachers pronounce.")
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
) -> None:
    """Let teachers say how likely each phoneme is, for a student to be trained on."""
    from rich.progress import track

    from model import labelling, soft_labels
    from model.lexicon import read
    from model.phonemizer import Phonemizer

    with _plain_errors():
        _set_threads(threads)
        teachers = Phonemizer.load_ensemble(teacher, device)
        entries = [entry for path in lexicon for entry in read(path)]
        known = {entry.word for entry in entries}
        listed = words.read_text("utf-8").split() if words else []
        spelt = [word for word in listed if word not in known]
        steps = track(
            labelling.label(teachers, entries, spelt),
            "labelling",
            total=len(entries) + len(spelt),
            console=Console(stderr=True),
        )
        examples = list(steps)
        soft_labels.write(
            out,
            soft_labels.SoftLexicon(
                teachers.graphemes,
                teachers.phonemes,
                teachers.network.config.boundaries,
                {"teachers": [checkpoint.read(path).told for path in teacher]},
                examples,
            ),
        )
    print(
        f"{len(entries):,} entries and {len(examples) - len(entries):,} spellings labelled in {out}"
    )


@app.command()
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
    threads: ThreadsOption = None,
) -> None:
    """Pronounce words: one answer a line, in the order of the words.

    What cannot be pronounced is told on stderr and leaves a line without phonemes (a comment in
    the cmudict format, nothing in ctf); all else is answered, and the exit status is then 1.
    """
    from model.phonemizer import Phonemizer

    failed = False
    answered: list[Entry] = []
    if isinstance(sys.stdout, io.TextIOWrapper):  # a word is shown even if it is not UTF-8
        sys.stdout.reconfigure(errors="backslashreplace")
    with _plain_errors():
        checked = checkpoint.read(artifact)
        written = alphabets.choose(
            alphabet,
            alphabets.available(checked.phonemes.own),
            stressed=stress,
            knows_stress=checked.knows_stress,
        )
        _set_threads(threads)
        phonemizer = Phonemizer.load(artifact, device)
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


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(help="The lexicon to read.")],
    target: Annotated[Path, typer.Argument(help="The lexicon to write.")],
    to: Annotated[
        LexiconFormat | None, typer.Option("--to", help="By default what the target's name says.")
    ] = None,
    source_format: Annotated[
        LexiconFormat | None, typer.Option("--from", help="By default what the source looks like.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="CTF only: its symbols, one a line, in index order.")
    ] = None,
) -> None:
    """Turn one lexicon format into another, line by line, in order."""
    with _plain_errors():
        wanted = to or lexicon.format_named(target)
        if wanted is None:
            _fail(f"{target.name} does not tell its format: say --to cmudict, ctf or tsv")
        entries = lexicon.read(source, source_format)
        symbols = lexicon.decode(mapping.read_bytes()).split() if mapping else None
        lexicon.write(target, entries, wanted, mapping=symbols)
    print(f"{len(entries):,} entries written to {target}")


@app.command(name="download")
def download_split(
    to: Annotated[Path, typer.Option(help="The folder to fill.")] = Path("data/cmudict"),
    origin: Annotated[
        str, typer.Option("--from", help="A folder or an address that holds the files.")
    ] = download.ORIGIN,
) -> None:
    """Fetch the CMUdict split, checked; what is there already is reused."""
    with _plain_errors():
        download.download(to, origin)


def _print_evaluation(artifact: str, lexicon: Path, found: Evaluation) -> None:
    print(f"{artifact} on {lexicon}")
    for way, rates in (("any-match", found.any_match), ("per-line", found.per_line)):
        print(
            f"{way:10} WER {100 * rates.wer:.2f} %  PER {100 * rates.per:.2f} %  "
            f"({rates.wrong:,} of {rates.words:,} wrong, {rates.edits:,} edits in "
            f"{rates.phonemes:,} phonemes)"
        )
    if found.stress is not None:
        print(
            f"with stress WER {100 * found.stress.wer:.2f} %  "
            f"({found.stress.wrong:,} of {found.stress.words:,} wrong), one primary stress in "
            f"{100 * found.stress.one_primary:.1f} % (references: "
            f"{100 * found.stress.references_one_primary:.1f} %)"
        )
    for name, of_class in found.classes.items():
        print(
            f"{name:12} WER {100 * of_class.wer:5.2f} %  PER {100 * of_class.per:5.2f} %  "
            f"({of_class.wrong:,} of {of_class.words:,} wrong)"
        )
    if found.teacher_forced_error is not None:
        print(f"teacher-forced error {100 * found.teacher_forced_error:.2f} %")
    print(f"expected calibration error {100 * found.calibration_error:.2f} %")
    print(f"{found.unspellable} unspellable, {found.incomplete} incomplete")
    print(
        f"{found.words_per_second:,.0f} words/s on {found.device}, {found.threads} threads; "
        f"{found.mflop_per_word:.1f} MFLOP a word"
    )
    print("most frequent confusions (expected -> given):")
    for expected, given, times in found.confusions:
        print(f"  {expected or '-':3} -> {given or '-':3} {times:5}")


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Say what went wrong in one line, for the errors that carry what to do in their message."""
    try:
        yield
    except BrokenPipeError:
        raise  # nobody reads on: typer ends quietly
    except OSError as e:
        where = f"{e.filename}: " if e.filename else ""
        _fail(f"{where}{e.strerror or e}")
    except TangerError as e:
        _fail(str(e))


def _fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    raise typer.Exit(2)


def _set_threads(threads: int | None) -> None:
    import torch

    if threads is not None:
        torch.set_num_threads(threads)


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


if __name__ == "__main__":
    app()
