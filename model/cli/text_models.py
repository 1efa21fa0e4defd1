"""Commands that train the small models of the text reader: homographs and acronyms."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tanger.model.cli.common import plain_errors
from tanger.model.output_files import file_sha256

if TYPE_CHECKING:
    from tanger.model.text.homographs.examples import Sentence

MODEL = Path(__file__).parent.parent
TEXT_MODELS = MODEL.parent / "artifacts" / "en-us-text"
EVERYDAY = MODEL / "text" / "homographs" / "sentences.tsv"


def train_homographs(
    folder: Annotated[
        Path, typer.Option("--from", help="Folder with train.tsv, eval.tsv and ISLEdict.txt.")
    ],
    out: Annotated[
        Path, typer.Option(help="Folder with homographs.tsv; the weights are written to it.")
    ] = TEXT_MODELS,
    evaluate: Annotated[
        bool, typer.Option(help="Also evaluate on eval.tsv, which is not used to choose anything.")
    ] = True,
    everyday: Annotated[
        Path, typer.Option(help="Everyday sentences to train on too, each word in brackets.")
    ] = EVERYDAY,
    also: Annotated[
        list[Path] | None,
        typer.Option(help="More labelled sentences to evaluate on, in the same form; repeatable."),
    ] = None,
) -> None:
    """Train the model that chooses senses of homographs, and print its accuracy (a minute).

    train.tsv and eval.tsv are the concatenated files of WikipediaHomographData. ISLEdict.txt comes
    from the package pysle. The everyday sentences come with a clone of tanger.
    """
    with plain_errors():
        from tanger.model.text.homographs import examples, fitting, table
        from tanger.model.text.homographs.model import FORMAT, TABLE_FILE, WEIGHTS_FILE

        senses = table.read(out / TABLE_FILE)
        sentences = examples.read_sentences(folder / "train.tsv")
        tags = examples.read_parts_of_speech(folder / "ISLEdict.txt")
        speech = examples.speech_examples(sentences, tags)
        sentences += examples.read_marked_sentences(everyday, senses)
        trained = examples.trained_words(senses, sentences)
        labelled = examples.sense_examples(sentences, senses, trained)
        common = _common_senses(sentences)
        is_common = [common[s.word] == s.sense for s in sentences]

        choices = fitting.Choices(labelled)
        places = [str(place) for place in range(len(labelled))]
        scores = fitting.held_out_scores(labelled, speech, places)
        unseen = fitting.held_out_scores(labelled, speech, [s.word for s in sentences])
        shared = [p for p, s in enumerate(sentences) if senses[s.word][0].scopes]
        owner = [p for p, count in enumerate(choices.counts) for _ in range(count)]
        by_speech = [labelled[p] for p in shared]
        kept = set(shared)
        speech_scores = unseen[[p in kept for p in owner]]

        scale = fitting.fit_scale(choices, scores)
        unseen_scale = fitting.fit_scale(fitting.Choices(by_speech), speech_scores)
        weights, step = fitting.quantized(fitting.fit([*labelled, *speech]))
        files = (folder / "train.tsv", folder / "ISLEdict.txt", everyday)
        sources = {file.name: file_sha256(file) for file in files}
        metadata = {
            "format": FORMAT,
            "scale": scale * step,
            "unseen_scale": unseen_scale * step,
            "trained": sorted(trained),
            "sources": sources,
        }
        fitting.save(out / WEIGHTS_FILE, weights, json.dumps(metadata, sort_keys=True))
        report = {
            "cross_validation": fitting.calibrated_judgement(labelled, scores, is_common).to_dict(),
            "words_left_out": fitting.calibrated_judgement(
                by_speech, speech_scores, [is_common[p] for p in shared]
            ).to_dict(),
            "weights_sha256": file_sha256(out / WEIGHTS_FILE),
        }
        for path in [*([folder / "eval.tsv"] if evaluate else []), *(also or ())]:
            report[path.stem] = _judge_homographs(out, path, common)
        typer.echo(json.dumps(report, indent=2))


def train_acronyms(
    folder: Annotated[
        Path,
        typer.Option("--from", help="Folder with train.tsv and drawn.tsv: tests/data/acronyms."),
    ],
    lexicon: Annotated[
        Path, typer.Option(help="CMUdict's file, whose pronunciations are features of the model.")
    ],
    out: Annotated[
        Path, typer.Option(help="Folder with acronyms.tsv; the weights are written to it.")
    ] = TEXT_MODELS,
) -> None:
    """Train the model that reads acronyms, and print its accuracy (seconds).

    It is evaluated on both halves of drawn.tsv, and three times on each: without the table, with
    the table except for held-out acronyms, and with the whole table.
    """
    with plain_errors():
        from tanger.model import lexicon as lexicons
        from tanger.model.lexicon.entry import pronunciations
        from tanger.model.text import acronym_model, acronym_training

        known = {
            word.upper(): list(ways)
            for word, ways in pronunciations(lexicons.read(lexicon)).items()
        }
        drawn = acronym_training.read_tokens(folder / "drawn.tsv")
        halves = {half: [t for t in drawn if t.half == half] for half in ("dev", "test")}
        undrawn = acronym_training.read_tokens(folder / "train.tsv")
        weights = acronym_training.fit([*undrawn, *halves["dev"]], known)
        content = {"format": acronym_model.FORMAT, "weights": weights}
        path = out / acronym_model.WEIGHTS_FILE
        path.write_text(json.dumps(content, sort_keys=True, indent=0) + "\n", "utf-8")

        table = acronym_model.read_table(out / acronym_model.TABLE_FILE)
        held = {t.text for t in halves["test"]}
        tables = {
            "without_table": {},
            "without_held_out": {w: r for w, r in table.items() if w not in held},
            "all": table,
        }
        report: dict[str, object] = {"weights_sha256": file_sha256(path)}
        for half, tokens in halves.items():
            report[half] = {
                name: acronym_training.judge(
                    acronym_model.AcronymModel(each, weights), tokens, known
                ).to_dict()
                for name, each in tables.items()
            }
        typer.echo(json.dumps(report, indent=2))


def _common_senses(sentences: list[Sentence]) -> dict[str, str]:
    """Return the most common sense of each word."""
    count: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for sentence in sentences:
        count[sentence.word][sentence.sense] += 1
    return {word: senses.most_common(1)[0][0] for word, senses in count.items()}


def _judge_homographs(folder: Path, path: Path, common: dict[str, str]) -> dict[str, float]:
    """Return the accuracy of a saved model on labelled sentences."""
    import numpy as np

    from tanger.model.text.homographs import HomographModel, examples
    from tanger.model.text.homographs.fitting import calibration_error

    model = HomographModel.load(folder)
    sentences = examples.read_sentences(path)
    chosen = [model.senses(s.words, s.place)[0] for s in sentences]
    right = np.array([c.name == s.sense for c, s in zip(chosen, sentences, strict=True)])
    rare = np.array([common.get(s.word, s.sense) != s.sense for s in sentences])
    by_sense: defaultdict[str, list[bool]] = defaultdict(list)
    for sentence, is_right in zip(sentences, right.tolist(), strict=True):
        by_sense[sentence.sense].append(is_right)
    figures = {
        "examples": len(sentences),
        "accuracy": right.mean(),
        "majority": 1 - rare.mean(),
        "minority_accuracy": right[rare].mean(),
        "balanced_accuracy": np.mean([np.mean(each) for each in by_sense.values()]),
        "calibration_error": calibration_error(np.array([c.probability for c in chosen]), right),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}
