"""Commands that train artifacts, and prepare their training data."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import track

from tanger.model import artifact
from tanger.model.cli.common import (
    DeviceOption,
    OverwriteOption,
    ThreadsOption,
    check_lines,
    check_output,
    fail,
    plain_errors,
    set_threads,
)
from tanger.model.lexicon import (
    Entry,
    pronunciations,
    read,
    read_words,
    render,
    write,
    write_lines,
)

if TYPE_CHECKING:
    from tanger.model.training.recipe import RunRecipe
    from tanger.model.training.run_state import Progress

_WithoutOption = Annotated[
    list[Path] | None, typer.Option(help="Lexicons whose words are left out: dev, test.")
]


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
        bool,
        typer.Option(
            "--restart", help="Start over, giving up an unfinished run or the artifact at --out."
        ),
    ] = False,
    fast: Annotated[
        bool, typer.Option("--fast", help="The recipe's short run, to see that all works.")
    ] = False,
    save_every: Annotated[
        float, typer.Option(min=0, help="Seconds of work that a killed run loses at most.")
    ] = 60.0,
) -> None:
    """Train an artifact. Ctrl-C saves, --resume goes on; torchrun makes it several processes.

    What stands at --out already is replaced only with --restart.
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
            chosen, lexicon, dev, further=further or (), soft_path=soft_labels, stress_path=stress
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
            finished = trainer.fit(resume=resume, restart=restart, save_seconds=save_every)
    if not finished:
        console.print(f"stopped and saved in {run_folder}; go on with --resume", markup=False)
        raise typer.Exit(130)
    if processes.is_main:
        for line in _summary(out, trainer.progress, chosen.run):
            console.print(line, markup=False, highlight=False, soft_wrap=True)


def _summary(out: Path, progress: Progress, run: RunRecipe) -> list[str]:
    """Return a summary of a finished run, and the next command."""
    lines = []
    if progress.best is not None:
        if progress.epoch < run.epochs:
            lines.append(
                f"ended after epoch {progress.epoch} of {run.epochs}: none of the last "
                f"{progress.since_best} was better (patience in the recipe)"
            )
        lines.append(
            f"the artifact of the best epoch, {progress.best['epoch']} of {progress.epoch}, is "
            f"{out}: dev WER {100 * progress.best['dev_wer']:.2f} %"
        )
    return [
        *lines,
        "it is not calibrated: its probabilities fit the dev words, which chose the epoch, and "
        "further answers (--n) have none of their own",
        f"calibrate it on words that training did not hold: tanger calibrate "
        f"--artifact {out} --lexicon LEXICON",
    ]


def hold_out(
    lexicon: Annotated[Path, typer.Option(help="A training lexicon.")],
    unseen: Annotated[Path, typer.Option(help="Words that it does not hold, as those of dev.")],
    out: Annotated[Path, typer.Option(help="Where what remains to train on goes.")],
    held_out: Annotated[Path, typer.Option(help="Where the words to calibrate on go.")],
    seed: Annotated[int, typer.Option(help="Draws them.")] = 1,
    overwrite: OverwriteOption = False,
) -> None:
    """Hold words with several pronunciations out of training, for `calibrate`."""
    with plain_errors():
        from tanger.model.distillation import calibration_split

        if out.resolve() == held_out.resolve():
            fail("--out and --held-out are one file: name two")
        kept, drawn = calibration_split.hold_out(read(lexicon), read(unseen), seed=seed)
        parts = ((out, kept), (held_out, drawn))
        for path, part in parts:
            check_lines(path, render(part, "cmudict"), overwrite=overwrite)
        for path, part in parts:
            write(path, part, "cmudict")
    words = len({entry.word for entry in drawn})
    print(f"{words:,} words held out in {held_out}, {len(kept):,} entries written to {out}")


def spellings(
    lexicon: Annotated[Path, typer.Option(help="Gives the letters; its words are left out.")],
    out: Annotated[Path, typer.Option(help="Where the words go, one a line.")],
    without: _WithoutOption = None,
    language: Annotated[
        list[str] | None, typer.Option(help="Of which wordfreq lists frequent words; en.")
    ] = None,
    names: Annotated[
        bool, typer.Option("--names", help="Names of people as well, before the words.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--most", min=1, help="So many of them at most.")
    ] = None,
    invented: Annotated[
        int,
        typer.Option(min=0, help="So many more that are spelt like the lexicon's, after them."),
    ] = 0,
    seed: Annotated[int, typer.Option(help="Draws those.")] = 1,
    overwrite: OverwriteOption = False,
) -> None:
    """List words that no lexicon pronounces, for teachers to label (needs wordfreq, names)."""
    with plain_errors():
        from tanger.model.distillation import spellings as sources

        own = _words_of([lexicon])
        graphemes = {grapheme for word in own for grapheme in word}
        left_out = own | _words_of(without or ())
        people = sources.names(graphemes, without=left_out) if names else iter(())
        frequent = sources.frequent(language or ["en"], graphemes, without=left_out)
        words = list(islice(dict.fromkeys(chain(people, frequent)), limit))
        left_out |= set(words)
        words += sources.invented(own, count=invented, without=left_out, seed=seed)
        check_lines(out, words, overwrite=overwrite)
        write_lines(out, words)
    print(f"{len(words):,} words written to {out}")


def derive(
    lexicon: Annotated[Path, typer.Option(help="A lexicon of English in ARPAbet.")],
    out: Annotated[Path, typer.Option(help="Where the entries go.")],
    words: Annotated[
        Path | None, typer.Option(help="Spellings, one a line; those with a known stem are taken.")
    ] = None,
    without: _WithoutOption = None,
    possessives: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the lexicon that gets a possessive.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(help="Draws that share.")] = 1,
    overwrite: OverwriteOption = False,
) -> None:
    """Pronounce forms of the lexicon's words by rule, for networks to learn the rules from."""
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
        lines = list(render(entries, "cmudict"))
        check_lines(out, lines, overwrite=overwrite)
        write_lines(out, lines)
    print(f"{len(entries):,} entries written to {out}")


def train_joint_ngram(
    lexicon: Annotated[list[Path], typer.Option(help="The training lexicon, and others.")],
    out: Annotated[Path, typer.Option(help="Where the model goes (.fst).")],
    overwrite: OverwriteOption = False,
) -> None:
    """Train a joint n-gram model, a teacher of another kind (needs phonetisaurus; minutes)."""
    with plain_errors():
        from tanger.model.distillation import joint_ngram

        check_output(out, overwrite=overwrite)
        entries = _entries_of(lexicon)
        joint_ngram.train(entries, out)
    print(f"a joint n-gram model of {len(entries):,} entries is {out}")


def label(
    teacher: Annotated[list[Path], typer.Option(help="An artifact; several answer by their mean.")],
    lexicon: Annotated[
        list[Path], typer.Option(help="The training lexicon, and others to train on.")
    ],
    out: Annotated[Path, typer.Option(help="Where the soft labels go (.safetensors).")],
    words: Annotated[
        Path | None, typer.Option(help="Further spellings, one a line, that teachers pronounce.")
    ] = None,
    ngram: Annotated[
        Path | None,
        typer.Option(help="What `joint-ngram` made, to pronounce those spellings with them."),
    ] = None,
    as_they_are: Annotated[
        bool,
        typer.Option("--as-they-are", help="Entries are certain; teachers label spellings alone."),
    ] = False,
    ngram_weight: Annotated[
        float | None, typer.Option(min=0, help="Of the n-gram model beside the teachers.")
    ] = None,
    sharpness: Annotated[
        float | None, typer.Option(min=0, help="Of teachers and n-gram model together.")
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Let teachers say how likely each phoneme is, for a student to be trained on."""
    with plain_errors():
        from tanger.model.decoding.torch_decoder import TorchDecoder
        from tanger.model.distillation import soft_labelling, teachers
        from tanger.model.training import soft_labels

        check_output(out, overwrite=overwrite)
        set_threads(threads)
        artifacts = [artifact.read(path) for path in teacher]
        decoder = TorchDecoder.of(artifacts, device)
        entries = _entries_of(lexicon)
        known = {entry.word for entry in entries}
        spelt = [word for word in (read_words(words) if words else ()) if word not in known]
        if as_they_are:
            labelled_entries = soft_labelling.as_they_are(decoder, entries)
        else:
            labelled_entries = soft_labelling.label(decoder, entries, ())
        if ngram is None:
            labelled_words = soft_labelling.label(decoder, (), spelt)
        else:
            labelled_words = teachers.label(
                decoder,
                ngram,
                spelt,
                weight=teachers.WEIGHT if ngram_weight is None else ngram_weight,
                sharpness=teachers.SHARPNESS if sharpness is None else sharpness,
            )
        examples = list(
            track(
                chain(labelled_entries, labelled_words),
                "labelling",
                total=len(entries) + len(spelt),
                console=Console(stderr=True),
            )
        )
        origin = {"teachers": [each.summary for each in artifacts]}
        if ngram is not None:
            origin["joint_ngram"] = [{"sha256": hashlib.sha256(ngram.read_bytes()).hexdigest()}]
        soft_labels.write(
            out,
            soft_labels.SoftLexicon(
                decoder.graphemes,
                decoder.phonemes,
                decoder.network.config.add_bos_eos,
                origin,
                examples,
            ),
        )
    print(
        f"{len(entries):,} entries and {len(examples) - len(entries):,} spellings labelled in {out}"
    )


def _entries_of(lexicons: Iterable[Path]) -> list[Entry]:
    return [entry for path in lexicons for entry in read(path)]


def _words_of(lexicons: Iterable[Path]) -> set[str]:
    return {entry.word for entry in _entries_of(lexicons)}
