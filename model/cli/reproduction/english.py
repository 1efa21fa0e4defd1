"""Steps of the artifacts that are trained on several dictionaries, and the evaluation of all."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tanger.model.artifact import METRICS
from tanger.model.cli.english import (
    calibrate_english,
    combine_dictionaries,
    english_spellings,
    evaluate_sets,
    rank_variants,
)
from tanger.model.cli.evaluate import calibrate, evaluate
from tanger.model.cli.reproduction import cmudict
from tanger.model.cli.reproduction.pipeline import Step
from tanger.model.cli.reproduction.sources import REAL_WORDS, SPELLINGS, TEST, TRAIN
from tanger.model.cli.reproduction.workspace import CMUDICT, Workspace
from tanger.model.cli.train import label, train_joint_ngram
from tanger.model.evaluation import model_card

BENCHMARK = "en-us-cmudict"
PRODUCTS = ("en-us", "en-us-fast")

# Parameters of the ensemble of a network and n-grams, chosen on the dev fold
_NGRAM_WEIGHT = 0.9
_SHARPNESS = {"en-us-all-start": 0.5, "en-us": 0.6}  # by network
# Training data of a network, by option of `tanger train`.
_LEXICON = {"lexicon": "train.dict", "dev": "dev.dict", "stress": "train-stress.dict"}


def steps(work: Workspace) -> list[Step]:
    """Return all steps."""
    return [*_lexicons(work), *_labels(work), *_students(work), *_evaluations(work)]


def evaluated(artifact: str) -> str:
    """Return the name of an artifact's last step."""
    return f"{artifact}, evaluated"


def _folder(work: Workspace) -> Path:
    return work.out / "english"


def _lexicons(work: Workspace) -> list[Step]:
    """Combine the dictionaries, twice: a network decides how foreign entries are written."""
    return [
        _combine(work, "dictionaries", BENCHMARK),
        _combine(work, "dictionaries-again", "en-us-all-start"),
    ]


def _combine(work: Workspace, name: str, base: str) -> Step:
    out = _folder(work) / name
    run = partial(
        combine_dictionaries,
        folder=work.sources,
        out=out,
        base=work.artifact(base),
        repeat=list(work.scale.repeats),
        verify=work.scale.verify,
        threads=work.threads,
    )
    files = tuple(out / file for file in _LEXICON.values())
    return Step(name, run, files, ("words", base))


def _lexicon_files(folder: Path) -> dict[str, Path | list[Path]]:
    """Return the files of a lexicon that `_combine` made, by option of `tanger train`."""
    return {option: folder / file for option, file in _LEXICON.items()}


def _labels(work: Workspace) -> list[Step]:
    """Label spellings that are in no dictionary with a network and n-grams together."""
    made = _folder(work)
    lexicon, ngram = made / "dictionaries-again" / "train.dict", made / "ngram.fst"
    spelt = partial(
        english_spellings,
        folder=work.sources,
        listed=[work.sources / SPELLINGS],
        lexicon=lexicon,
        out=made / "words.txt",
        count=work.scale.scowl_spellings,
        verify=work.scale.verify,
    )
    counted = partial(train_joint_ngram, lexicon=[lexicon], out=ngram, overwrite=True)
    return [
        Step("english-spellings", spelt, (made / "words.txt",), ("words", "dictionaries-again")),
        Step("english-n-grams", counted, (ngram,), ("dictionaries-again",)),
        _label(work, "en-us-all-start"),
        _label(work, "en-us"),
    ]


def _label(work: Workspace, teacher: str) -> Step:
    made = _folder(work)
    out = made / f"labels-by-{teacher}.safetensors"
    run = partial(
        label,
        teacher=[work.artifact(teacher)],
        lexicon=[made / "dictionaries-again" / "train.dict"],
        as_they_are=True,
        words=made / "words.txt",
        ngram=made / "ngram.fst",
        ngram_weight=_NGRAM_WEIGHT,
        sharpness=_SHARPNESS[teacher],
        out=out,
        device=work.device,
        threads=work.threads,
        overwrite=True,
    )
    return Step(out.stem, run, (out,), ("english-spellings", "english-n-grams", teacher))


def _students(work: Workspace) -> list[Step]:
    """Train on hard labels, then also on soft ones; the small network learns from the large one."""
    made = _folder(work)
    first = _lexicon_files(made / "dictionaries")
    again = _lexicon_files(made / "dictionaries-again")
    start = work.train("en-us-all-start", ("dictionaries",), first, init=BENCHMARK)
    fast_start = work.train(
        "en-us-fast-all-start", ("dictionaries-again",), again, init="en-us-fast-cmudict"
    )
    products = [
        work.train(
            name,
            ("dictionaries-again", f"labels-by-{teacher}"),
            {**again, "soft_labels": made / f"labels-by-{teacher}.safetensors"},
            recipe=f"{name}-all",
            init=f"{name}-all-start",
        )
        for name, teacher in (("en-us", "en-us-all-start"), ("en-us-fast", "en-us"))
    ]
    return [start, fast_start, *products]


def _evaluations(work: Workspace) -> list[Step]:
    """Calibrate and evaluate the artifacts, and write their model cards."""
    benchmark = Step(
        evaluated(BENCHMARK),
        partial(_evaluate_benchmark, work),
        _figures(work, BENCHMARK),
        (BENCHMARK, "words"),
    )
    products = [
        Step(
            evaluated(name),
            partial(_evaluate_product, work, name),
            _figures(work, name),
            (name, "words"),
        )
        for name in PRODUCTS
    ]
    return [benchmark, *products]


def _figures(work: Workspace, artifact: str) -> tuple[Path, ...]:
    return tuple(work.artifact(artifact) / file for file in (METRICS, model_card.FILE))


def _evaluate_benchmark(work: Workspace) -> None:
    held_out = cmudict.folder(work) / "held-out.dict"
    artifact = work.artifact(BENCHMARK)
    calibrate(lexicon=held_out, artifact=artifact, device="cpu", overwrite=True)
    _evaluate(work, artifact, cmudict.folder(work) / "train.dict")


def _evaluate_product(work: Workspace, name: str) -> None:
    artifact = work.artifact(name)
    calibrate_english(work.sources, work.sources / REAL_WORDS, artifact, verify=work.scale.verify)
    rank_variants(artifact)
    _evaluate(work, artifact, _folder(work) / "dictionaries-again" / "train.dict")


def _evaluate(work: Workspace, artifact: Path, trained: Path) -> None:
    evaluate(
        lexicon=work.sources / TEST,
        artifact=[artifact],
        stress=work.sources / CMUDICT,
        known=work.sources / TRAIN,
        trained=trained,
        device="cpu",
        keep=True,
    )
    evaluate_sets(
        ["frequent-words", "trained-words", "real-words"],
        work.sources,
        artifact,
        real_words=work.sources / REAL_WORDS,
        trained=trained,
        split=work.sources / TEST,
        keep=True,
        verify=work.scale.verify,
    )
