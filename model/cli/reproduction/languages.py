"""Steps of the artifact of a language other than American English, from its dictionaries."""

from __future__ import annotations

import json
import lzma
import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.artifact import LEXICON, METRICS, NOTICE, Artifact
from tanger.model.cli.english import candidates
from tanger.model.cli.evaluate import calibrate, evaluate
from tanger.model.cli.reproduction.pipeline import Step, evaluated
from tanger.model.cli.reproduction.sources import SourceMissingError
from tanger.model.cli.reproduction.workspace import Workspace
from tanger.model.evaluation import model_card
from tanger.model.languages.definition import Definition, content, load
from tanger.model.lexicon import builtin
from tanger.model.output_files import replace_file

# Lexicons that figures are measured on, the last one first in the card
EVALUATED = ("test", "unlike", "commonest")
_LEXICONS = ("train", "converted", "dev", "calibration", *EVALUATED, "frequent")


def steps(work: Workspace, name: str) -> list[Step]:
    """Return the steps of the artifact `name`, the language's code in lower case.

    Raises:
        DefinitionError: if the language is not defined.
    """
    definition = load(name)
    base = f"{name}-base" if _needs_base(definition) else None
    return [
        Step(
            f"{name}, sources",
            partial(_collect, name, work),
            tuple(work.downloads / source.file for source in definition.sources),
            settings={source.file: source.sha256 for source in definition.sources},
        ),
        *([] if base is None else _base(work, definition, base)),
        _lexicons(work, definition, name, base=base),
        *_trainings(work, definition),
        Step(
            evaluated(name),
            partial(_evaluate, work, name),
            tuple(work.artifact(name) / file for file in (METRICS, model_card.FILE, LEXICON)),
            (name,),
        ),
    ]


def _needs_base(definition: Definition) -> bool:
    return any(source.use == "equivalent" for source in definition.sources)


def _files(work: Workspace, folder: str) -> Mapping[str, Path]:
    """Return the lexicons in a folder, by name."""
    return {each: work.out / "languages" / folder / f"{each}.tsv" for each in _LEXICONS}


def _lexicons(
    work: Workspace, definition: Definition, folder: str, *, base: str | None = None
) -> Step:
    """Return the step that makes the lexicons; `base` answers for sources of other conventions."""
    run = partial(
        _combine,
        definition.folder,
        work.downloads,
        work.out / "languages" / folder,
        work.scale.words,
        work.scale.verify,
        None if base is None else work.artifact(base),
    )
    return Step(
        f"{folder}, lexicons",
        run,
        tuple(_files(work, folder).values()),
        (f"{definition.folder}, sources", *([] if base is None else [base])),
        settings=content(definition.folder),
    )


def _base(work: Workspace, definition: Definition, base: str) -> list[Step]:
    """Return the steps of the network that learns from the other sources alone."""
    lexicons = _files(work, base)
    data: dict[str, Path | list[Path]] = {"lexicon": lexicons["train"], "dev": lexicons["dev"]}
    return [
        _lexicons(work, definition, base),
        work.train(base, (f"{base}, lexicons",), data, recipe=definition.recipe),
    ]


def _trainings(work: Workspace, definition: Definition) -> list[Step]:
    """Return the steps that train: on all words, then without those of another accent."""
    name, lexicons = definition.folder, _files(work, definition.folder)
    made = (f"{name}, lexicons",)
    data: dict[str, Path | list[Path]] = {"lexicon": lexicons["train"], "dev": lexicons["dev"]}
    if not definition.has_accents:
        return [work.train(name, made, data, recipe=definition.recipe)]
    first, all_words = f"{name}-start", {**data, "further": [lexicons["converted"]]}
    return [
        work.train(first, made, all_words, recipe=definition.recipe),
        work.train(name, made, data, recipe=f"{definition.recipe}-again", init=first),
    ]


def notice(definition: Definition) -> str:
    """Return the content of an artifact's ``NOTICE``: whose data it was trained on."""
    sources = "\n".join(
        f"{source.origin}\n    Licence: {source.licence}." for source in definition.sources
    )
    language = definition.language
    return (
        "The weights in this folder were trained on entries of these pronouncing dictionaries of "
        f"{language.name},\ncleaned and brought to one notation (see "
        f"`model/languages/{definition.folder}.toml`).\n\n{sources}\n\n"
        f"The contents of this folder are under {language.licence}, apart from the licence of the "
        "code.\nHow often words occur came from wordfreq (Robyn Speer and others; data CC BY-SA "
        "4.0).\n"
    )


def _collect(name: str, work: Workspace) -> None:
    """Copy a language's sources from the folder that was given, decompressed if they end in .xz."""
    work.downloads.mkdir(parents=True, exist_ok=True)
    for source in load(name).sources:
        target = work.downloads / source.file
        if target.exists():
            continue
        given = sorted(work.given.rglob(f"{source.file}*")) if work.given else []
        if not given:
            raise SourceMissingError(
                source.file, f"get {source.origin}, and give its folder by --from"
            )
        if given[0].suffix == ".xz":
            with lzma.open(given[0]) as compressed, target.open("wb") as file:
                shutil.copyfileobj(compressed, file)
        else:
            shutil.copyfile(given[0], target)


def _combine(
    name: str, folder: Path, out: Path, words: int | None, verify: bool, base: Path | None
) -> None:
    """Write a language's lexicons, and sources.json with what happened to its entries."""
    import wordfreq

    from tanger.model import lexicon
    from tanger.model.languages import dutch, marked_letters, russian, sources, splits
    from tanger.model.phonemizer import NetworkPhonemizer

    definition = load(name)
    answers = None if base is None else partial(candidates, NetworkPhonemizer.load(base, "cpu"))
    combined = sources.read(definition, folder, candidates=answers, verify=verify)
    ranked = splits.ranked(wordfreq.iter_wordlist(definition.frequencies, "best"))
    known = combined.words
    if definition.restore:
        known = marked_letters.restore(known, ranked, definition.restore, combined.counts)
    if definition.inflect:
        # The most frequent words are for training, so that no test word is a derived one
        rules = {"nl": dutch.inflected, "ru": russian.inflected}[name]
        derived = rules(known, ranked[: splits.EXEMPT])
        combined.counts["inflected forms derived"] = len(derived)
        known = known | derived
    split = splits.split(
        known,
        definition,
        ranked,
        sources.cmudict_words(definition, folder),
        unmeasured=combined.equivalent,
        converted=combined.converted,
        count=words,
    )
    for file, entries in split.lexicons.items():
        lexicon.write(out / f"{file}.tsv", entries, "tsv")
        print(f"{len(entries):,} entries written to {out / file}.tsv")
    counts = dict(sorted(combined.counts.items()))
    report = {"sha256": combined.checksums, "entries": counts, "words": split.fold_sizes}
    replace_file(
        out / "sources.json", f"{json.dumps(report, indent=2, ensure_ascii=False)}\n".encode()
    )
    for happened, count in counts.items():
        print(f"  {happened}: {count:,}")


def _evaluate(work: Workspace, name: str) -> None:
    """Name the language, calibrate, evaluate, and write the card and the built-in lexicon."""
    definition = load(name)
    artifact, made = work.artifact(name), work.out / "languages" / name
    _name_language(artifacts.read(artifact), definition)
    calibrate(
        lexicon=made / "calibration.tsv", artifact=artifact, device="cpu", overwrite=True,
        threads=work.threads,
    )  # fmt: skip
    for each in EVALUATED:
        if not (made / f"{each}.tsv").stat().st_size:  # all of few test words are like others
            continue
        evaluate(
            lexicon=made / f"{each}.tsv",
            artifact=[artifact],
            trained=made / "train.tsv",
            device="cpu",
            threads=work.threads,
            keep=True,
        )
    builtin.write(artifact / LEXICON, lexicon.read(made / "frequent.tsv", "tsv"))


def _name_language(made: Artifact, definition: Definition) -> None:
    """Write the language and its licence into an artifact's manifest, and ``NOTICE``."""
    artifacts.write(
        made.path,
        name=made.name,
        network=made.network,
        training=made.training,
        calibration=made.calibration,
        nbest_calibration=made.nbest_calibration,
        graphemes=made.graphemes,
        phonemes=made.phonemes,
        weights=made.weights(),
        extras={**artifacts.companions(made.path), NOTICE: notice(definition).encode()},
        language=definition.language,
    )
