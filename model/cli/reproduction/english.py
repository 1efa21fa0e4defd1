"""Steps of the artifacts that are trained on several dictionaries, and the evaluation of all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
from tanger.model.cli.labels import label, train_joint_ngram
from tanger.model.cli.reproduction import cmudict
from tanger.model.cli.reproduction.pipeline import Step, evaluated
from tanger.model.cli.reproduction.sources import REAL_WORDS, SPELLINGS, TEST, TRAIN
from tanger.model.cli.reproduction.workspace import CMUDICT, Workspace
from tanger.model.cli.train import repeat_errors
from tanger.model.evaluation import model_card
from tanger.model.evaluation.english import WordSet

BENCHMARK = "en-us-cmudict"
_PRODUCTS = ("en-us", "en-us-fast")

# Training data of a network, by option of `tanger train`.
_LEXICON = {"lexicon": "train.dict", "dev": "dev.dict", "stress": "train-stress.dict"}
_PREFERRED = {**_LEXICON, "lexicon": "preferred.dict"}


@dataclass(frozen=True)
class _Ensemble:
    """Networks and n-grams that label together; weight and sharpness were chosen on the dev fold.

    Attributes:
        teachers: the networks, which answer by their mean.
        lexicon: the step that made the entries, which are certain, and their file.
        ngram: the step that made the n-gram model.
        spellings: the step that drew the spellings.
        weight: of the n-gram model beside the networks.
        sharpness: of both.
    """

    teachers: tuple[str, ...]
    lexicon: tuple[str, str]
    ngram: str
    spellings: str
    weight: float
    sharpness: float


_FIRST = ("dictionaries-again", "dictionaries-again/train.dict")
_SECOND = ("dictionaries-third", "dictionaries-third/preferred.dict")
_REPEATED = ("repeated-errors", "repeated-errors.dict")
_ENSEMBLES = {
    "labels-by-en-us-all-start": _Ensemble(
        ("en-us-all-start",), _FIRST, "english-n-grams", "english-spellings", 0.9, 0.5
    ),
    "labels-by-en-us-all": _Ensemble(
        ("en-us-all",), _FIRST, "english-n-grams", "english-spellings", 0.9, 0.6
    ),
    **{
        f"labels-by-ensemble-of-{spellings}": _Ensemble(
            ("en-us-preferred", "en-us-fast-all"),
            _SECOND,
            "english-n-grams-third",
            spellings,
            0.5,
            0.6,
        )
        for spellings in ("first-half", "both-halves")
    },
    "labels-by-en-us-product": _Ensemble(
        ("en-us-product", "en-us-fast-all"),
        _REPEATED,
        "english-n-grams-third",
        "last-spellings",
        0.5,
        0.6,
    ),
}


def steps(work: Workspace) -> list[Step]:
    """Return all steps."""
    return [*_lexicons(work), *_labels(work), *_students(work), *_evaluations(work)]


def _folder(work: Workspace) -> Path:
    return work.out / "english"


def _lexicons(work: Workspace) -> list[Step]:
    """Combine the dictionaries, three times: a network decides how foreign entries are written."""
    return [
        _combine(work, "dictionaries", BENCHMARK),
        _combine(work, "dictionaries-again", "en-us-all-start"),
        _combine(work, "dictionaries-third", "en-us-all-again"),
        _repeat_errors(work, *_REPEATED),
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
    files = tuple(out / file for file in {*_LEXICON.values(), *_PREFERRED.values()})
    return Step(name, run, tuple(sorted(files)), ("words", base))


def _repeat_errors(work: Workspace, name: str, file: str) -> Step:
    """Repeat the words of CMUdict that the product has wrong, in the last lexicon."""
    entries, preferred = _SECOND
    out = _folder(work) / file
    run = partial(
        repeat_errors,
        lexicon=_folder(work) / preferred,
        references=work.sources / CMUDICT,
        wrong_by=work.artifact("en-us-product"),
        out=out,
        threads=work.threads,
        overwrite=True,
    )
    return Step(name, run, (out,), ("words", entries, "en-us-product"))


def _lexicon_files(folder: Path, files: Mapping[str, str]) -> dict[str, Path | list[Path]]:
    """Return the files of a lexicon that `_combine` made, by option of `tanger train`."""
    return {option: folder / file for option, file in files.items()}


def _labels(work: Workspace) -> list[Step]:
    """Label spellings that are in no dictionary with networks and n-grams together."""
    scale = work.scale
    return [
        _spellings(work, "english-spellings", "dictionaries-again", scale.scowl_spellings, seed=1),
        _spellings(
            work, "first-half", "dictionaries-third", scale.more_scowl_spellings // 2, seed=3
        ),
        _spellings(work, "both-halves", "dictionaries-third", scale.more_scowl_spellings, seed=3),
        _spellings(work, "last-spellings", "dictionaries-third", scale.scowl_spellings, seed=5),
        _ngrams(work, "english-n-grams", "dictionaries-again"),
        _ngrams(work, "english-n-grams-third", "dictionaries-third"),
        *(_label(work, name, ensemble) for name, ensemble in _ENSEMBLES.items()),
    ]


def _spellings(work: Workspace, name: str, lexicon: str, count: int, *, seed: int) -> Step:
    """Draw spellings from SCOWL; with one seed, fewer are the first of more."""
    made = _folder(work)
    out = made / f"{name}.txt"
    run = partial(
        english_spellings,
        folder=work.sources,
        listed=[work.sources / SPELLINGS],
        lexicon=made / lexicon / "train.dict",
        out=out,
        count=count,
        seed=seed,
        verify=work.scale.verify,
    )
    return Step(name, run, (out,), ("words", lexicon))


def _ngrams(work: Workspace, name: str, lexicon: str) -> Step:
    made = _folder(work)
    out = made / f"{name}.fst"
    entries = [made / lexicon / "train.dict"]
    return Step(
        name, partial(train_joint_ngram, lexicon=entries, out=out, overwrite=True), (out,),
        (lexicon,),
    )  # fmt: skip


def _label(work: Workspace, name: str, ensemble: _Ensemble) -> Step:
    made = _folder(work)
    out = made / f"{name}.safetensors"
    entries, file = ensemble.lexicon
    run = partial(
        label,
        teacher=[work.artifact(teacher) for teacher in ensemble.teachers],
        lexicon=[made / file],
        as_they_are=True,
        words=made / f"{ensemble.spellings}.txt",
        ngram=made / f"{ensemble.ngram}.fst",
        ngram_weight=ensemble.weight,
        sharpness=ensemble.sharpness,
        out=out,
        device=work.device,
        threads=work.threads,
        overwrite=True,
    )
    return Step(
        name, run, (out,), (ensemble.spellings, ensemble.ngram, entries, *ensemble.teachers)
    )


def _students(work: Workspace) -> list[Step]:
    """Train on hard labels, then also on soft ones, and both again with better ensembles."""
    made = _folder(work)
    start = work.train(
        "en-us-all-start",
        ("dictionaries",),
        _lexicon_files(made / "dictionaries", _LEXICON),
        init=BENCHMARK,
    )
    again = _lexicon_files(made / "dictionaries-again", _LEXICON)
    fast_start = work.train(
        "en-us-fast-all-start", ("dictionaries-again",), again, init="en-us-fast-cmudict"
    )
    third = _lexicon_files(made / "dictionaries-third", _PREFERRED)
    last = {**third, "lexicon": made / _REPEATED[1]}
    preferred = work.train(
        "en-us-preferred", ("dictionaries-third",), third, init="en-us-all-again"
    )
    taught = [
        work.train(
            name,
            (_ENSEMBLES[labels].lexicon[0], labels),
            {**data, "soft_labels": made / f"{labels}.safetensors"},
            recipe=recipe,
            init=init,
        )
        for name, recipe, init, labels, data in (
            ("en-us-all", "en-us-all", "en-us-all-start", "labels-by-en-us-all-start", again),
            ("en-us-fast-all", "en-us-fast-all", "en-us-fast-all-start", "labels-by-en-us-all",
             again),
            ("en-us-all-again", "en-us-all-again", "en-us-all", "labels-by-en-us-all", again),
            ("en-us-product-start", "en-us-product-start", "en-us-preferred",
             "labels-by-ensemble-of-first-half", third),
            ("en-us-product", "en-us-product", "en-us-product-start",
             "labels-by-ensemble-of-both-halves", third),
            ("en-us", "en-us-product-again", "en-us-product", "labels-by-en-us-product", last),
            ("en-us-fast", "en-us-fast-again", "en-us-fast-all", "labels-by-en-us-product", last),
        )
    ]  # fmt: skip
    return [start, fast_start, preferred, *taught]


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
            (name, "words", _SECOND[0]),
        )
        for name in _PRODUCTS
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
    trained = _folder(work) / _SECOND[0] / "train.dict"
    calibrate_english(
        work.sources, work.sources / REAL_WORDS, trained, artifact, verify=work.scale.verify
    )
    rank_variants(artifact)
    _evaluate(work, artifact, trained)


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
        {WordSet.FREQUENT, WordSet.TRAINED, WordSet.REAL},
        work.sources,
        artifact,
        real_words=work.sources / REAL_WORDS,
        trained=trained,
        split=work.sources / TEST,
        keep=True,
        verify=work.scale.verify,
    )
