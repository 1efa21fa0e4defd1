"""The model card: a Markdown description of an artifact, in its folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tanger.model import artifact as artifacts
from tanger.model.artifact import WEIGHTS, Artifact, ArtifactError
from tanger.model.output_files import replace_file
from tanger.model.training.recipe import VOCABULARY_SIZES, flat

FILE = "README.md"


def update(
    path: Path,
    weights_sha256: str | None,
    *,
    evaluations: Mapping[str, Any] | None = None,
    word_sets: Mapping[str, Any] | None = None,
) -> Artifact:
    """Write results into an artifact's ``metrics.json`` and its model card.

    Results on other lexicons are kept, and word sets if none are given; results of other weights
    are removed.

    Args:
        path: the artifact's folder.
        weights_sha256: of the weights that were evaluated.
        evaluations: records by lexicon.
        word_sets: records by set of English words.

    Raises:
        ArtifactError: if the artifact is damaged, or was replaced by one with other weights.
        OSError: if a file cannot be written.
    """
    found = artifacts.read(path)
    if found.weights_sha256 != weights_sha256:
        raise ArtifactError(path, "was replaced while it was evaluated: evaluate it again")
    try:
        kept, kept_sets = found.metrics(), found.word_sets()
    except ArtifactError:  # of other weights
        kept, kept_sets = {}, {}
    records = {**kept, **(evaluations or {})}
    sets = kept_sets if word_sets is None else word_sets
    artifacts.write_metrics(found, records, sets)
    write(found, records, sets)
    return found


def write(
    artifact: Artifact,
    evaluations: Mapping[str, Any],
    word_sets: Mapping[str, Any] | None = None,
) -> None:
    """Write the model card into the artifact's folder (see `render`).

    Raises:
        OSError: if it cannot be written.
    """
    replace_file(artifact.path / FILE, render(artifact, evaluations, word_sets).encode())


def render(
    artifact: Artifact,
    evaluations: Mapping[str, Any],
    word_sets: Mapping[str, Any] | None = None,
) -> str:
    """Render the model card as Markdown, from the contents of the artifact."""
    training, network = artifact.training, artifact.network
    size = len(artifact.files[WEIGHTS]) / 1e6
    parts = [
        f"# {artifact.name}",
        f"Turns words into phonemes. Version `{artifact.version}`, written by "
        "`tanger train` and read by `tanger pronounce` and the tanger service. "
        "This card and `metrics.json` are written by `tanger evaluate`.",
        "## Measured",
        _measured(evaluations),
        "Any-match scores by distinct word against the nearest of its references; per-line takes "
        "every line of the lexicon as one reference. Greedy decoding of one network.",
        _calibrated(artifact),
    ]
    parts += [
        f"Of the words of {name}, {evaluation['seen']:,} were seen in training."
        for name, evaluation in evaluations.items()
        if evaluation.get("seen")
    ]
    if bare := {k: e["without_marks"] for k, e in evaluations.items() if e.get("without_marks")}:
        parts += ["## Without stress", _without_stress(bare)]
    if word_sets:
        parts += ["## What people meet", _word_sets(word_sets)]
    if stressed := {k: e["stress"] for k, e in evaluations.items() if e.get("stress")}:
        parts += ["## With stress", _stressed(stressed)]
    for name, evaluation in evaluations.items():
        if evaluation.get("classes"):
            parts += [f"## Kinds of words on {name}", _classes(evaluation["classes"])]
        if "reliability" in evaluation:
            parts += [f"## Probabilities on {name}", _reliability(evaluation)]
    if (artifact.path / "learning_curve.png").exists():
        parts.append("![Errors by epoch](learning_curve.png)")
    parts += ["## Network", _values({**network, "weights": f"{size:.1f} MB, float16"})]
    parts += ["## Training", _values(_training_rows(training))]
    for name, evaluation in evaluations.items():
        if evaluation["confusions"]:
            parts += [f"## Most frequent confusions on {name}", _confusions(evaluation)]
    return "\n\n".join(parts) + "\n"


def _calibrated(artifact: Artifact) -> str:
    """Describe the words to which the calibration was fitted."""
    if artifact.nbest_calibration is None:
        return (
            "Not calibrated: the probabilities are those of the dev words that chose the best "
            "epoch, and further answers to a word have none of their own. `tanger "
            "calibrate` fits them to words that training did not hold."
        )
    fitted_to = artifact.training.get("calibrated_on", {})
    which = "of further answers " if fitted_to.get("only_alternatives") else ""
    file = fitted_to.get("file", "words that training did not hold")
    if artifact.trained_calibration is None:
        return f"The probabilities {which}are calibrated on {file}."
    return (
        f"The probabilities of new words are calibrated on {file}, those of trained words on words "
        "of the training lexicon."
    )


def _training_rows(training: Mapping[str, Any]) -> dict[str, Any]:
    """Return the training metadata as rows, without vocabulary sizes (listed under Network)."""
    left_out = {f"recipe.network.{size}" for size in VOCABULARY_SIZES}
    return {key: value for key, value in flat(training).items() if key not in left_out}


def _measured(evaluations: Mapping[str, Any]) -> str:
    return _table(
        "lexicon | words | WER %, any-match | PER %, any-match | WER %, per-line "
        "| PER %, per-line | MFLOP a word | incomplete",
        (
            f"{name} | {_rates(each['any_match'])} "
            f"| {100 * each['per_line']['wer']:.2f} | {100 * each['per_line']['per']:.2f} "
            f"| {each['mflop_per_word']:.1f} | {each['incomplete']}"
            for name, each in evaluations.items()
        ),
    )


def _word_sets(word_sets: Mapping[str, Any]) -> str:
    rows = []
    for name, found in word_sets.items():
        low, high = found["interval"]
        error = found["calibration_error"]
        rows.append(
            f"{name} | {found['words']:,} | {100 * found['rate']:.2f} "
            f"| {100 * low:.2f} to {100 * high:.2f} "
            f"| {'' if error is None else f'{100 * error:.1f}'}"
        )
    return _table("words | how many | wrong, % | 95 % interval | calibration error, %", rows)


def _without_stress(rates: Mapping[str, Any]) -> str:
    table = _table(
        "lexicon | words | WER %, any-match | PER %, any-match",
        (f"{name} | {_rates(each)}" for name, each in rates.items()),
    )
    return f"The symbols carry marks of stress, which count above. Without them:\n\n{table}"


def _stressed(rates: Mapping[str, Any]) -> str:
    return _table(
        "lexicon | words | WER %, any-match, with stress | exactly one primary stress, % "
        "| in the references, %",
        (
            f"{name} | {rate['words']:,} | {100 * rate['wer']:.2f} "
            f"| {100 * rate['one_primary']:.1f} | {100 * rate['references_one_primary']:.1f}"
            for name, rate in rates.items()
        ),
    )


def _classes(classes: Mapping[str, Any]) -> str:
    table = _table(
        "kind | words | WER %, any-match | PER %, any-match",
        (f"{name} | {_rates(each)}" for name, each in classes.items()),
    )
    rules = "The rules that tell the kinds apart are in `model/evaluation/word_classes.py`."
    return f"{table}\n\n{rules}"


def _reliability(evaluation: Mapping[str, Any]) -> str:
    error = 100 * evaluation["calibration_error"]
    parts = [
        _table(
            "answers | mean probability | share right, any-match",
            (
                f"{row['answers']:,} | {row['probability']:.3f} | {row['right']:.3f}"
                for row in evaluation["reliability"]
            ),
        ),
        f"Expected calibration error, 10 bins: {error:.2f} %.",
    ]
    if several := evaluation.get("alternatives"):
        among = ", ".join(f"{100 * (1 - wer):.2f} % ({n})" for n, wer in several["wer"].items())
        parts.append(
            f"Several answers a word: a right one is among the likeliest n in {among}. Calibration "
            f"error of the probabilities behind the first: "
            f"{100 * several['calibration_error']:.2f} %."
        )
    return "\n\n".join(parts)


def _confusions(evaluation: Mapping[str, Any]) -> str:
    return _table(
        "expected | given | times",
        (
            f"{expected or '(nothing)'} | {given or '(nothing)'} | {times}"
            for expected, given, times in evaluation["confusions"]
        ),
    )


def _values(values: Mapping[str, Any]) -> str:
    return _table("|", (f"{key} | {value}" for key, value in values.items()))


def _rates(rates: Mapping[str, Any]) -> str:
    return f"{rates['words']:,} | {100 * rates['wer']:.2f} | {100 * rates['per']:.2f}"


def _table(columns: str, rows: Iterable[str]) -> str:
    """Return a Markdown table; columns and the cells of a row are separated by ``|``."""
    rule = " | ".join(["---"] * (columns.count("|") + 1))
    return "\n".join(f"| {row} |" for row in (columns, rule, *rows))
