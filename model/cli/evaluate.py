"""Commands that evaluate and calibrate an artifact."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tanger.model import OutputExistsError
from tanger.model import artifact as artifact_folder
from tanger.model.artifact import ArtifactError
from tanger.model.cli.common import (
    ARTIFACT,
    ArtifactOption,
    DeviceOption,
    PrecisionOption,
    ThreadsOption,
    fail,
    load,
    plain_errors,
    set_threads,
)
from tanger.model.evaluation.english import WordSet
from tanger.model.network.config import Precision
from tanger.model.output_files import file_sha256

if TYPE_CHECKING:
    from tanger.model.decoding.torch_decoder import TorchDecoder
    from tanger.model.evaluation.report import Evaluation
    from tanger.model.phonemizer import NetworkPhonemizer

# Default files of `--set`, in the sources' folder
_SPLIT = "cmudict-0.7b.test"
_REAL_WORDS = "real-words.tsv"

# Options of `evaluate` about its references
StressLexiconOption = Annotated[
    Path | None, typer.Option(help="Lexicon with stress digits, to evaluate stress.")
]
KnownOption = Annotated[
    Path | None, typer.Option(help="Training lexicon, to report kinds of English words separately.")
]
TrainedOption = Annotated[
    Path | None,
    typer.Option(help="All training data of the artifact, to count test words that it has seen."),
]

UnmaskedOption = Annotated[
    bool, typer.Option("--unmasked", help="Allow all symbols to be emitted, not only phonemes.")
]
KeepOption = Annotated[
    bool,
    typer.Option(help="Write the results, a model card and pinned words into the artifact."),
]

# Options of `evaluate --set`
SetsOption = Annotated[
    list[WordSet] | None,
    typer.Option("--set", help="Named set of English words, instead of a lexicon; repeatable."),
]
SourcesOption = Annotated[
    Path, typer.Option("--from", help="For --set: folder written by `tanger reproduce sources`.")
]
RealWordsOption = Annotated[
    Path | None,
    typer.Option(help="For --set: TSV of words, their consensus and all variants."),
]
AgainstOption = Annotated[
    Path | None, typer.Option(help="For --set: another artifact, compared word by word.")
]
WrongOption = Annotated[
    Path | None, typer.Option(help="For --set: file for the wrong answers, as JSON.")
]
VerifyOption = Annotated[
    bool, typer.Option(help="For --set: refuse other editions of the dictionaries.")
]


def evaluate(
    lexicon: Annotated[
        Path | None, typer.Option(help="Lexicon to evaluate on; with --set, that of the set split.")
    ] = None,
    artifact: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of the artifact; several are averaged as an ensemble."),
    ] = None,
    stress: StressLexiconOption = None,
    known: KnownOption = None,
    trained: TrainedOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "int8",
    threads: ThreadsOption = None,
    unmasked: UnmaskedOption = False,
    keep: KeepOption = False,
    sets: SetsOption = None,
    sources: SourcesOption = Path("data/english"),
    real_words: RealWordsOption = None,
    against: AgainstOption = None,
    wrong: WrongOption = None,
    verify: VerifyOption = True,
) -> None:
    """Evaluate greedy decoding on a lexicon, or on named sets of English words.

    --set reports confidence intervals, and needs wordfreq.
    """
    if sets:
        from tanger.model.cli.english import evaluate_sets

        if artifact and len(artifact) > 1:
            fail("--set scores one artifact: compare it with another by --against")
        with plain_errors():
            evaluate_sets(
                set(sets),
                sources,
                artifact[0] if artifact else ARTIFACT,
                split=lexicon or sources / _SPLIT,
                real_words=real_words or sources / _REAL_WORDS,
                trained=trained,
                against=against,
                wrong=wrong,
                keep=keep,
                verify=verify,
                device="cpu" if device == "auto" else device,
                precision=precision,
                threads=threads,
            )
        return
    if lexicon is None:
        fail("say what to score on: --lexicon FILE, or --set NAME for sets of English words")
    paths = artifact or [ARTIFACT]
    if keep and (unmasked or len(paths) > 1):
        fail("--keep is for one artifact, as it answers: without --unmasked")
    with plain_errors():
        from tanger.model.evaluation import report

        set_threads(threads)
        phonemizer, in_torch = _load(
            paths, device, precision=precision, threads=threads, phonemes_only=not unmasked
        )
        found = report.evaluate(
            phonemizer,
            lexicon,
            stress_path=stress,
            known_path=known,
            trained_path=trained,
            in_torch=in_torch,
        )
    # Save the results even if printing fails, and print them even if they cannot be saved
    try:
        _print_evaluation(" + ".join(map(str, paths)), lexicon, found)
    finally:
        if keep:
            with plain_errors():
                report.keep(paths[0], found)
    if not keep and len(paths) == 1:
        print(f"{paths[0]} is as it was: --keep writes these figures into it", file=sys.stderr)


def _load(
    paths: Sequence[Path],
    device: str,
    *,
    precision: Precision,
    threads: int | None,
    phonemes_only: bool,
) -> tuple[NetworkPhonemizer, TorchDecoder]:
    """Load one artifact, or the ensemble of several, and the same network in torch.

    Raises:
        ArtifactError, DeviceError, DecoderUnavailableError: see `common.load`.
    """
    from tanger.model.decoding.torch_decoder import TorchDecoder
    from tanger.model.phonemizer import NetworkPhonemizer

    networks = [artifact_folder.read(path) for path in paths]
    in_torch = TorchDecoder.of(networks, device, phonemes_only=phonemes_only)
    if len(networks) > 1:
        return NetworkPhonemizer(in_torch, in_torch.graphemes, in_torch.phonemes), in_torch
    one = load(
        networks[0], device, precision=precision, threads=threads, phonemes_only=phonemes_only
    )
    return one, in_torch


def calibrate(
    lexicon: Annotated[
        Path, typer.Option(help="Lexicon of words that are not in the training data.")
    ],
    artifact: ArtifactOption,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "int8",
    threads: ThreadsOption = None,
    only_alternatives: Annotated[
        bool,
        typer.Option(
            "--only-alternatives",
            help="Calibrate all answers but the most probable one of each word.",
        ),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier calibration.")
    ] = False,
) -> None:
    """Calibrate an artifact's probabilities on a lexicon, for words like those in it.

    The recorded evaluation is removed, because it depends on the calibration.
    """
    with plain_errors():
        from tanger.model.evaluation import report

        made = artifact_folder.read(artifact)
        fitted_to = {
            "file": lexicon.name,
            "sha256": file_sha256(lexicon),
            "precision": precision,
            "only_alternatives": only_alternatives,
        }
        earlier = made.training.get("calibrated_on")
        if earlier == fitted_to:
            print(f"{artifact} is calibrated on {lexicon} already")
            return
        if made.nbest_calibration is not None and not overwrite:
            name = earlier["file"] if earlier else "other words"
            raise OutputExistsError(
                artifact, f"is calibrated already, on {name}: --overwrite fits it anew"
            )
        loaded = load(made, device, precision=precision, threads=threads)
        fitted, nbest_calibration = report.calibrate(loaded, lexicon)
        kept = loaded.calibration if only_alternatives else None
        found = artifact_folder.read(artifact)
        if found.weights_sha256 != loaded.weights_sha256:
            raise ArtifactError(artifact, "has other weights by now: calibrate it again")
        artifact_folder.recalibrate(found, kept or fitted, nbest_calibration, fitted_to=fitted_to)
    print(f"{artifact} is calibrated on {lexicon}: evaluate it again, with --keep")


def _print_evaluation(artifact: str, lexicon: Path, found: Evaluation) -> None:
    print(f"{artifact} on {lexicon}")
    ways = {"any-match": found.any_match, "per-line": found.per_line}
    if found.without_marks is not None:
        ways["no stress"] = found.without_marks  # any-match
    for way, rates in ways.items():
        print(
            f"{way:10} WER {100 * rates.wer:.2f} %  PER {100 * rates.per:.2f} %  "
            f"({rates.wrong:,} of {rates.words:,} wrong, {rates.edits:,} edits in "
            f"{rates.phonemes:,} phonemes)"
        )
    if found.seen:
        print(f"{found.seen:,} of these words were seen in training")
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
    several = found.nbest
    right = ", ".join(f"{n}: {100 * (1 - wer):.2f} %" for n, wer in several.wer.items())
    print(
        f"a right answer among the likeliest {right}; calibration error of those behind the first "
        f"{100 * several.calibration_error:.2f} %; the greedy answer comes first in "
        f"{100 * several.first_is_greedy:.1f} %"
    )
    print(f"{found.unspellable} unspellable, {found.incomplete} incomplete")
    print(
        f"{found.words_per_second:,.0f} words/s on {found.device} in {found.precision}, "
        f"{found.threads} threads; "
        f"{found.mflop_per_word:.1f} MFLOP a word"
    )
    print("most frequent confusions (expected -> given):")
    for expected, given, times in found.confusions:
        print(f"  {expected or '-':3} -> {given or '-':3} {times:5}")
