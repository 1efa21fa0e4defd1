"""``python -m benchmarks.languages``: languages beside other systems, on the same words.

Lexicons and artifacts are those that `tanger reproduce` wrote. Phonetisaurus is trained on the same
training words; espeak-ng and g2p2 (``pip install g2p2`` and its group packages) come with rules and
models of their own, and their answers are brought to the artifact's symbols by the replacements of
`model/languages`, which hardly flatters them: where their notation differs from the dictionary's,
they are wrong. Scored without stress, any-match. What is not installed is named.

With ``--charsiu`` CharsiuG2P's test words are scored too (Zhu et al. 2022, arXiv:2204.03067): its
references are brought to the artifact's symbols in the same way, and those with other symbols left
out. Training had most of these words, since they come from the same dictionaries; "new" are the
others.
"""

from __future__ import annotations

import importlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import phonetisaurus
from tanger.model import lexicon
from tanger.model.evaluation import error_rates
from tanger.model.languages import definition, notation
from tanger.model.languages.definition import Definition
from tanger.model.languages.marked_letters import without_marks
from tanger.model.languages.notation import NotationError
from tanger.model.lexicon import Entry
from tanger.model.phonemizer import NetworkPhonemizer

Phonemes = tuple[str, ...]
# Returns a pronunciation of each word, or None if the language is not one of the system's
System = Callable[[Sequence[str]], dict[str, Phonemes]]

_SETS = ("test", "unlike", "commonest")
_ESPEAK = {"es": "es", "fr": "fr-fr"}
# Symbols of espeak-ng that stand for others of the dictionary
_ESPEAK_SYMBOLS = {
    "cs": {"oʊ": "oʊ̯", "aʊ": "aʊ̯", "eɪ": "ɛj"},
    "de": {"ɜ": "ɐ", "ɔø": "ɔɪ̯", "ɾ": "ʁ"},
    "en-gb": {"ɐ": "ə", "iə": "ɪə"},
    "hu": {"ɑː": "ɒ", "ɑ": "ɒ"},
    "it": {"ʊ": "u"},
    "nl": {
        "i": "iː", "u": "uː", "y": "yː", "ɪː": "eː", "ɛɪ": "ɛi", "œyː": "œy", "ʌʊ": "ɑu", "ɵ": "ʉ",
        "ɔː": "oː", "ən\n": "ə\n",
    },
    "pl": {
        "ɲʲ": "ɲ", "ʲˈi": "ˈi", "ʲi": "i", "ʲ": "j", "ɔ̃": "ɔw̃", "ɛ̃": "ɛw̃", "tʃ": "t͡ʂ",
        "dʒ": "d͡ʐ", "ʃ": "ʂ", "ʒ": "ʐ", "ts": "t͡s", "tɕ": "t͡ɕ", "dz": "d͡z", "dʑ": "d͡ʑ", "ç": "x",
    },
    "sv": {"ə": "ɛ", "sx": "ɧ", "ʉ": "ʉː", "y": "ʏ", "ʏː": "yː", "ʉːː": "ʉː"},
}  # fmt: skip
# Names of CharsiuG2P's files; its Swedish is in another alphabet
_CHARSIU = {
    "cs": "cze", "de": "ger", "en-gb": "eng-uk", "es": "spa", "fr": "fra", "hu": "hun", "it": "ita",
    "nl": "dut", "pl": "pol", "pt-br": "por-bz", "ru": "rus",
}  # fmt: skip
# Accents that its references have
_CHARSIU_ACCENTS = {"es": "es-419"}
_BASE_LANGUAGES = {"en-gb": "en", "pt-br": "pt"}


def main(
    languages: Annotated[list[str] | None, typer.Argument(help="All that were made.")] = None,
    made: Annotated[Path, typer.Option(help="Output folder of `tanger reproduce`.")] = Path(
        "data/reproduced"
    ),
    words: Annotated[int, typer.Option(min=1, help="Words of each lexicon.")] = 2_000,
    train_words: Annotated[
        int | None,
        typer.Option(help="Training words of Phonetisaurus; all by default, 0 to leave it out."),
    ] = None,
    charsiu: Annotated[
        Path | None, typer.Option(help="Folder of CharsiuG2P's test words, such as fra.tsv.")
    ] = None,
) -> None:
    """Print WER and PER, %, without stress, a line a language, lexicon and system."""
    for name in languages or sorted(path.name for path in (made / "languages").iterdir()):
        defined = definition.load(name)
        folder = made / "languages" / name
        with tempfile.TemporaryDirectory() as apart:
            systems = {
                "tanger": _tanger(made / "artifacts" / name),
                "Phonetisaurus": _phonetisaurus(folder / "train.tsv", Path(apart), train_words),
                "g2p2": _g2p2(defined),
                "espeak-ng": _espeak(defined),
            }
            for each in _SETS:
                _score(name, each, _bare(folder / f"{each}.tsv", words), systems)
            if charsiu is not None and name in _CHARSIU:
                references = _charsiu(charsiu / f"{_CHARSIU[name]}.tsv", defined)
                code = _CHARSIU_ACCENTS.get(name)
                accent = next(
                    (each.phonemes for each in defined.language.variants if each.code == code), {}
                )
                _score(name, "charsiu", references, systems, accent)
                trained = {entry.word for entry in lexicon.read(folder / "train.tsv")}
                new = {word: ways for word, ways in references.items() if word not in trained}
                _score(name, "charsiu new", new, systems, accent)


def _bare(path: Path, count: int) -> dict[str, list[Phonemes]]:
    """Return the pronunciations, without stress, of the first `count` words of a lexicon."""
    known = lexicon.pronunciations(lexicon.read(path))
    return {
        word: [notation.unmark(way) for way in ways] for word, ways in islice(known.items(), count)
    }


def _charsiu(path: Path, defined: Definition) -> dict[str, list[Phonemes]]:
    """Return CharsiuG2P's pronunciations of the words that have letters alone.

    Those of British English are in espeak-ng's notation.
    """
    symbols = _ESPEAK_SYMBOLS["en-gb"] if defined.folder == "en-gb" else {}
    text = path.read_text(encoding="utf-8")
    for symbol, other in symbols.items():
        text = text.replace(symbol, other)
    lines = [line.split("\t") for line in text.splitlines()]
    known = {word.lower(): ipa for word, ipa in lines if defined.letters.issuperset(word.lower())}
    found = _mapped(list(known), list(known.values()), defined)
    return {word: [way] for word, way in found.items()}


def _score(
    language: str,
    each: str,
    references: dict[str, list[Phonemes]],
    systems: dict[str, System | None],
    accent: Mapping[str, str] | None = None,
) -> None:
    """Print the error rates of each system; `accent` has what references have for symbols."""
    for system, pronounce in systems.items():
        if pronounce is None:
            print(f"{language:6} {each:11} {system:14} not installed, or left out", flush=True)
            continue
        began = time.process_time()
        answers = pronounce(list(references))
        took = time.process_time() - began
        if accent:
            answers = {
                word: tuple(accent.get(symbol, symbol) for symbol in way)
                for word, way in answers.items()
            }
        rates = error_rates.any_match(
            references, {word: answers.get(word, ()) for word in references}
        )
        # Programs of their own use no time of this process
        speed = f"{len(references) / took:10,.0f} words/s" if system == "tanger" else ""
        print(
            f"{language:6} {each:11} {system:14} WER {100 * rates.wer:6.2f}  PER "
            f"{100 * rates.per:6.2f}  of {rates.words:,} words {speed}",
            flush=True,
        )


def _tanger(artifact: Path) -> System:
    phonemizer = NetworkPhonemizer.load(artifact, "cpu")
    letters = frozenset(phonemizer.graphemes.symbols)

    def pronounce(words: Sequence[str]) -> dict[str, Phonemes]:
        # Marks that the network does not know are left out, as the service does
        spelt = {word: word if letters.issuperset(word) else without_marks(word) for word in words}
        readable = [word for word in words if letters.issuperset(spelt[word])]
        answers = phonemizer.pronounce([spelt[word] for word in readable])
        return {
            word: notation.unmark(answer.phonemes)
            for word, answer in zip(readable, answers, strict=True)
        }

    return pronounce


def _phonetisaurus(train: Path, apart: Path, count: int | None) -> System | None:
    """Train on the bare pronunciations of the words that the network was trained on."""
    program = phonetisaurus.command()
    if program is None or count == 0:
        return None
    bare = (Entry(word, notation.unmark(way)) for word, way in lexicon.read(train))
    entries = list(islice(dict.fromkeys(bare), count))
    drawn, model = apart / "train.dict", apart / "model.fst"
    drawn.write_text(
        "".join(f"{word}  {' '.join(way)}\n" for word, way in entries), encoding="utf-8"
    )
    phonetisaurus.train(program, drawn, model)
    return lambda words: phonetisaurus.pronounce(program, model, words)


def _g2p2(defined: Definition) -> System | None:
    try:
        module: Any = importlib.import_module("g2p2")
        language = _BASE_LANGUAGES.get(defined.folder, defined.folder)
        module.phonemize_many(["a"], language)
    except Exception:  # it raises what it likes where a language's package is missing
        return None
    return lambda words: _mapped(words, module.phonemize_many(list(words), language), defined)


def _espeak(defined: Definition) -> System | None:
    if shutil.which("espeak-ng") is None:
        return None

    def pronounce(words: Sequence[str]) -> dict[str, Phonemes]:
        answered = "".join(f"{line}\n" for line in espeak_ipa(words, defined.folder))
        for symbol, other in _ESPEAK_SYMBOLS.get(defined.folder, {}).items():
            answered = answered.replace(symbol, other)
        lines = answered.splitlines()
        return _mapped(words, lines, defined) if len(lines) == len(words) else {}

    return pronounce


def espeak_ipa(words: Sequence[str], language: str) -> list[str]:
    """Return espeak-ng's pronunciations in IPA, one per word.

    Raises:
        FileNotFoundError: if espeak-ng is not installed.
    """
    answered = subprocess.run(
        ["espeak-ng", "-q", "--ipa", "-v", _ESPEAK.get(language, language)],
        input="".join(f"{word}\n\n" for word in words),  # a clause of its own each
        check=True, capture_output=True, encoding="utf-8",
    ).stdout  # fmt: skip
    return [line for line in answered.splitlines() if line.strip()]


def _mapped(
    words: Sequence[str], answers: Sequence[str], defined: Definition
) -> dict[str, Phonemes]:
    """Bring answers in IPA to the language's symbols; those with others are left out."""
    found = {}
    for word, answer in zip(words, answers, strict=True):
        try:
            # Its place is not scored, but there has to be one
            marked = answer if notation.PRIMARY in answer else notation.PRIMARY + answer
            parsed = notation.as_spelt(word, notation.parse(marked, defined, spaced=True), defined)
            found[word] = notation.unmark(notation.complete(parsed, defined))
        except NotationError:
            continue
    return found


if __name__ == "__main__":
    typer.run(main)
