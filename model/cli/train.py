"""Commands that train artifacts, and prepare their training data."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from tanger.model import artifact, calibration
from tanger.model.cli.common import (
    DeviceOption,
    MinutesOption,
    OverwriteOption,
    ThreadsOption,
    check_lines,
    fail,
    load,
    plain_errors,
    set_threads,
    write_new,
)
from tanger.model.lexicon import (
    Entry,
    pronunciations,
    read,
    read_words,
    render,
    write,
)

if TYPE_CHECKING:
    from tanger.model.training.recipe import RunRecipe
    from tanger.model.training.run_state import RunProgress

_FurtherOption = Annotated[
    list[Path] | None,
    typer.Option(help="Lexicon of additional entries, such as those of `derive`; repeatable."),
]
_SoftLabelsOption = Annotated[
    Path | None,
    typer.Option(help="Output of `label`, to train on instead of the training lexicon."),
]
_StressOption = Annotated[
    Path | None,
    typer.Option(help="Lexicon with stress digits, for recipes with a stress head."),
]
_RestartOption = Annotated[
    bool,
    typer.Option(
        "--restart", help="Discard an unfinished run, or the artifact at --out, and start again."
    ),
]
_WithoutOption = Annotated[
    list[Path] | None, typer.Option(help="Lexicons whose words are excluded: dev, test.")
]


def train(
    recipe: Annotated[str, typer.Option(help="Name of a recipe, or a TOML file.")],
    lexicon: Annotated[Path, typer.Option(help="Training lexicon, in any format.")],
    dev: Annotated[Path, typer.Option(help="Lexicon on which the best epoch is chosen.")],
    out: Annotated[Path, typer.Option(help="Folder for the artifact.")],
    init: Annotated[
        Path | None, typer.Option(help="Artifact with the initial weights; random by default.")
    ] = None,
    further: _FurtherOption = None,
    soft_labels: _SoftLabelsOption = None,
    stress: _StressOption = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder for the state of the run; by default runs/NAME.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the run.")] = False,
    restart: _RestartOption = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="Short run of the recipe, as a test.")
    ] = False,
    save_every: Annotated[
        float, typer.Option(min=0, help="Seconds between saves of the run's state.")
    ] = 60.0,
    minutes: MinutesOption = math.inf,
) -> None:
    """Train an artifact. Ctrl-C saves the state, --resume continues; works under torchrun.

    An existing artifact at --out is replaced only with --restart.
    """
    console = Console()
    with plain_errors():
        if resume and restart:
            fail("--resume goes on with a run and --restart gives it up: say one of them")
        from tanger.model.training import data, output, run_state
        from tanger.model.training.distributed import process_group
        from tanger.model.training.recipe import load as load_recipe
        from tanger.model.training.reporters import ConsoleReporter
        from tanger.model.training.trainer import Trainer

        chosen = load_recipe(recipe, entries=len(read(lexicon)), fast=fast)
        run_folder = run or Path("runs") / out.name
        set_threads(threads)
        if not (resume or restart):
            run_state.check_new(run_folder)
            output.check_new(out)
        dataset = data.read(
            chosen,
            lexicon,
            dev,
            additional_lexicons=further or (),
            soft_path=soft_labels,
            stress_path=stress,
        )
        with process_group(device) as processes, ConsoleReporter(console) as reporter:
            trainer = Trainer(
                chosen,
                dataset,
                out=out,
                run=run_folder,
                processes=processes,
                reporter=reporter,
                init=init,
            )
            finished = trainer.fit(
                resume=resume,
                restart=restart,
                save_seconds=save_every,
                stop_seconds=60 * minutes,
            )
    if not finished:
        message = f"stopped and saved in {run_folder}; go on with --resume"
        console.print(message, markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(130)
    if processes.is_main:
        for line in _summary(out, trainer.progress, chosen.run):
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _summary(out: Path, progress: RunProgress, run: RunRecipe) -> list[str]:
    """Return a summary of a finished run, and the next command."""
    lines = []
    if (best := progress.best(run)) is not None:
        if progress.epoch < run.epochs:
            lines.append(
                f"ended after epoch {progress.epoch} of {run.epochs}: none of the last "
                f"{progress.since_best(run)} was better (patience in the recipe)"
            )
        lines.append(
            f"the artifact of the best epoch, {best['epoch']} of {progress.epoch}, is "
            f"{out}: dev WER {100 * best['dev_wer']:.2f} %"
        )
    return [
        *lines,
        "it is not calibrated: its probabilities fit the dev words, which chose the epoch, and "
        "further answers (--n) have none of their own",
        f"calibrate it on words that training did not hold: tanger calibrate "
        f"--artifact {out} --lexicon LEXICON",
    ]


def hold_out(
    lexicon: Annotated[Path, typer.Option(help="Training lexicon.")],
    unseen: Annotated[Path, typer.Option(help="Lexicon of words that are not in it, such as dev.")],
    out: Annotated[Path, typer.Option(help="File for the remaining training lexicon.")],
    held_out: Annotated[Path, typer.Option(help="File for the lexicon to calibrate on.")],
    seed: Annotated[int, typer.Option(help="Seed of the random choice.")] = 1,
    overwrite: OverwriteOption = False,
) -> None:
    """Hold words out of a training lexicon, some with several pronunciations, for `calibrate`."""
    with plain_errors():
        if out.resolve() == held_out.resolve():
            fail("--out and --held-out are one file: name two")
        kept, drawn = calibration.hold_out(read(lexicon), read(unseen), seed=seed)
        parts = ((out, kept), (held_out, drawn))
        for path, part in parts:
            check_lines(path, render(part, "cmudict"), overwrite=overwrite)
        for path, part in parts:
            write(path, part, "cmudict")
    words = len({entry.word for entry in drawn})
    print(f"{words:,} words held out in {held_out}, {len(kept):,} entries written to {out}")


def spellings(
    lexicon: Annotated[
        Path, typer.Option(help="Lexicon that determines the letters; its words are excluded.")
    ],
    out: Annotated[Path, typer.Option(help="File for the words, one per line.")],
    without: _WithoutOption = None,
    language: Annotated[
        list[str] | None,
        typer.Option(help="Language of wordfreq's frequent words; by default en; repeatable."),
    ] = None,
    names: Annotated[
        bool, typer.Option("--names", help="Also list names of people, before the words.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--most", min=1, help="Largest number of names and words.")
    ] = None,
    invented: Annotated[
        int,
        typer.Option(
            min=0, help="Number of invented words, spelled like the lexicon's, listed last."
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(help="Seed for inventing words.")] = 1,
    overwrite: OverwriteOption = False,
) -> None:
    """List words without known pronunciation, for teachers to label (needs wordfreq, names)."""
    with plain_errors():
        from tanger.model.distillation import spellings as sources

        own = _words_of([lexicon])
        graphemes = {grapheme for word in own for grapheme in word}
        left_out = own | _words_of(without or ())
        people = list(sources.names(graphemes, without=left_out)) if names else []
        frequent = sources.frequent(language or ["en"], graphemes, without=left_out | set(people))
        words = list(islice(chain(people, frequent), limit))
        left_out |= set(words)
        words += sources.invented_words(own, count=invented, without=left_out, seed=seed)
        write_new(out, words, overwrite=overwrite)
    print(f"{len(words):,} words written to {out}")


def derive(
    lexicon: Annotated[Path, typer.Option(help="English lexicon in ARPAbet.")],
    out: Annotated[Path, typer.Option(help="File for the entries.")],
    words: Annotated[
        Path | None,
        typer.Option(help="File of words, one per line; those with a known stem are used."),
    ] = None,
    without: _WithoutOption = None,
    possessives: Annotated[
        float,
        typer.Option(min=0, max=1, help="Part of the lexicon, 0 to 1, to derive possessives of."),
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed for the choice of that part.")] = 1,
    overwrite: OverwriteOption = False,
) -> None:
    """Derive forms of the lexicon's words, with pronunciations by rule, as training data."""
    with plain_errors():
        from tanger.model.text import derived_forms

        known = pronunciations(read(lexicon))
        left_out = _words_of(without or ()) | set(known)
        stems = [word for word in known if "'" not in word and not word.endswith("S")]
        drawn = random.Random(seed).sample(stems, round(possessives * len(stems)))
        listed = read_words(words) if words else []
        forms = dict.fromkeys([*listed, *(f"{stem}'S" for stem in drawn)])
        entries = [
            Entry(form, phonemes)
            for form in forms
            if form not in left_out
            for phonemes in derived_forms.derive(form, known)
        ]
        write_new(out, render(entries, "cmudict"), overwrite=overwrite)
    print(f"{len(entries):,} entries written to {out}")


def repeat_errors(
    lexicon: Annotated[Path, typer.Option(help="Training lexicon.")],
    wrong_by: Annotated[Path, typer.Option(help="Artifact, whose errors are repeated.")],
    out: Annotated[Path, typer.Option(help="File for the training lexicon with repetitions.")],
    references: Annotated[
        Path | None,
        typer.Option(
            help="Lexicon of the words to check, by any of its pronunciations; by default all."
        ),
    ] = None,
    times: Annotated[int, typer.Option(min=2, help="How often a wrong word is listed.")] = 4,
    threads: ThreadsOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Repeat the words of a training lexicon that an artifact pronounces wrongly."""
    with plain_errors():
        from tanger.model.phonology.stress import strip

        entries = read(lexicon)
        trained = pronunciations(entries)
        checked = {
            word: [strip(phonemes) for phonemes in ways]
            for word, ways in pronunciations(read(references) if references else entries).items()
            if word in trained
        }
        network = load(artifact.read(wrong_by), "cpu", precision="int8", threads=threads)
        wrong = [
            word
            for word, (answer, _) in zip(checked, network.predict(list(checked)), strict=True)
            if answer not in checked[word]
        ]
        repeated = [Entry(word, trained[word][0]) for word in wrong for _ in range(times - 1)]
        count = write_new(out, render([*entries, *repeated], "cmudict"), overwrite=overwrite)
    print(f"{len(wrong):,} of {len(checked):,} words are wrong; {count:,} entries written to {out}")


def reverse(
    lexicon: Annotated[list[Path], typer.Option(help="Lexicon to reverse; repeatable.")],
    out: Annotated[Path, typer.Option(help="File for the reversed entries.")],
    overwrite: OverwriteOption = False,
) -> None:
    """Reverse the letters and phonemes of entries, to train a right-to-left teacher on."""
    with plain_errors():
        entries = [
            Entry(entry.word[::-1], entry.phonemes[::-1])
            for path in lexicon
            for entry in read(path)
        ]
        write_new(out, render(entries, "cmudict"), overwrite=overwrite)
    print(f"{len(entries):,} entries written to {out}")


def _words_of(lexicons: Iterable[Path]) -> set[str]:
    return {entry.word for path in lexicons for entry in read(path)}
