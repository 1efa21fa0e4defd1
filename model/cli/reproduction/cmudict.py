"""Steps of the artifacts that are trained only on the training split of CMUdict 0.7b."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tanger.model.cli.labels import label, train_joint_ngram
from tanger.model.cli.reproduction.pipeline import Step
from tanger.model.cli.reproduction.sources import DEV, TEST, TRAIN
from tanger.model.cli.reproduction.workspace import CMUDICT, Workspace
from tanger.model.cli.train import derive, hold_out, spellings

_TEACHERS = ("teacher-deep", "teacher-wide")


def steps(work: Workspace) -> list[Step]:
    """Return all steps."""
    return [*_lexicons(work), *_teachers(work), *_labels(work), *_students(work)]


def folder(work: Workspace) -> Path:
    """Return the folder of the intermediate files."""
    return work.out / "cmudict"


def _lexicons(work: Workspace) -> list[Step]:
    """Make the training lexicon without the calibration words, the spellings, and derived forms."""
    made, split = folder(work), [work.sources / DEV, work.sources / TEST]
    train, held_out = made / "train.dict", made / "held-out.dict"
    return [
        Step(
            "held-out words",
            partial(
                hold_out,
                lexicon=work.sources / TRAIN,
                unseen=work.sources / DEV,
                out=train,
                held_out=held_out,
                overwrite=True,
            ),
            (train, held_out),
            ("words",),
        ),
        _spellings(work, "frequent spellings", made / "frequent.txt", split, "words", names=False),
        _spellings(work, "spellings", made / "words.txt", [*split, held_out], "held-out words"),
        _spellings(
            work,
            "more spellings",
            made / "more-words.txt",
            [*split, held_out],
            "held-out words",
            invented=work.scale.invented,
        ),
        _forms(
            "all forms", work.sources / TRAIN, made / "frequent.txt", split, "frequent spellings"
        ),
        _forms("forms", train, made / "words.txt", [*split, held_out], "spellings"),
    ]


def _spellings(
    work: Workspace,
    name: str,
    out: Path,
    without: list[Path],
    need: str,
    *,
    names: bool = True,
    invented: int = 0,
) -> Step:
    run = partial(
        spellings,
        lexicon=work.sources / TRAIN,
        out=out,
        without=without,
        names=names,
        limit=work.scale.spellings,
        invented=invented,
        overwrite=True,
    )
    return Step(name, run, (out,), (need,))


def _forms(name: str, lexicon: Path, words: Path, without: list[Path], need: str) -> Step:
    """Derive possessives, plurals and verb forms of the lexicon's words by rule."""
    out = words.with_name(f"{name.replace(' ', '-')}.dict")
    run = partial(
        derive,
        lexicon=lexicon,
        words=words,
        without=without,
        possessives=0.3,
        out=out,
        overwrite=True,
    )
    return Step(name, run, (out,), (need,))


def _teachers(work: Workspace) -> list[Step]:
    """Train the teachers, and the network that students are initialised from."""
    return [
        work.train(
            name,
            ("all forms",),
            {
                "lexicon": work.sources / TRAIN,
                "further": [folder(work) / "all-forms.dict"],
                "stress": work.sources / CMUDICT,
                "dev": work.sources / DEV,
            },
        )
        for name in (*_TEACHERS, "en-us-base")
    ]


def _labels(work: Workspace) -> list[Step]:
    """Label words and spellings with the teachers, with and without n-grams."""
    made = folder(work)
    ngram = made / "ngram.fst"
    return [
        Step(
            "n-grams",
            partial(train_joint_ngram, lexicon=[made / "train.dict"], out=ngram, overwrite=True),
            (ngram,),
            ("held-out words",),
        ),
        _label(work, "labels", made / "words.txt", "spellings", ngram),
        _label(work, "more-labels", made / "more-words.txt", "more spellings", ngram),
        _label(work, "labels-of-networks", made / "words.txt", "spellings", None),
    ]


def _label(work: Workspace, name: str, words: Path, spelt: str, ngram: Path | None) -> Step:
    made = folder(work)
    out = made / f"{name}.safetensors"
    run = partial(
        label,
        teacher=[work.artifact(teacher) for teacher in _TEACHERS],
        lexicon=[made / "train.dict", made / "forms.dict"],
        words=words,
        ngram=ngram,
        out=out,
        device=work.device,
        threads=work.threads,
        overwrite=True,
    )
    depends_on = (*_TEACHERS, "forms", spelt, *(["n-grams"] if ngram else []))
    return Step(name, run, (out,), depends_on)


def _students(work: Workspace) -> list[Step]:
    """Train networks on the labels, each started from the last; the final one on hard labels."""
    made = folder(work)
    data: dict[str, Path | list[Path]] = {
        "lexicon": made / "train.dict",
        "stress": work.sources / CMUDICT,
        "dev": work.sources / DEV,
    }
    return [
        *(
            work.train(
                name,
                (labels,),
                {**data, "soft_labels": made / f"{labels}.safetensors"},
                recipe=recipe,
                init=init,
            )
            for name, recipe, labels, init in (
                ("en-us-panel", "en-us-panel", "labels", "en-us-base"),
                ("en-us-cmudict-1", "en-us", "more-labels", "en-us-panel"),
                ("en-us-cmudict-2", "en-us", "more-labels", "en-us-cmudict-1"),
                ("en-us-cmudict-3", "en-us", "more-labels", "en-us-cmudict-2"),
                ("en-us-fast-base", "en-us-fast-base", "labels-of-networks", None),
                ("en-us-fast-cmudict", "en-us-fast", "labels", "en-us-fast-base"),
            )
        ),
        work.train(
            "en-us-cmudict",
            ("held-out words",),
            data,
            recipe="en-us-cmudict-hard",
            init="en-us-cmudict-3",
        ),
    ]
