"""Reading of texts in languages of Europe, by their tables."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tanger.model import artifact as artifacts
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text import TableError
from tanger.model.text.reader import languages
from tanger.model.text.reader.european import rule_files
from tanger.model.text.reader.reader import TextReader, spoken
from tanger.model.text.senses import sentences

ARTIFACTS = Path(__file__).parents[4] / "artifacts"
SILENT = ("word", "space", "punctuation")


@cache
def reader(code: str) -> TextReader:
    language = languages.find(code)
    assert language is not None
    return TextReader(language)


def _cases() -> list[tuple[str, str, str, str]]:
    code, cases = "", []
    for line in Path(__file__).with_name("european.tsv").read_text("utf-8").splitlines():
        if line.startswith("[") and line.endswith("]"):
            code = line[1:-1]
        elif not line.startswith("# "):
            written, expected, *kinds = line.split("\t")
            cases.append((code, written, expected, kinds[0] if kinds else ""))
    return cases


CASES = _cases()


@pytest.mark.parametrize(
    ("code", "written", "expected", "kinds"),
    CASES,
    ids=[f"{code}: {written}" for code, written, *_ in CASES],
)
def test_written_forms_are_read(code: str, written: str, expected: str, kinds: str) -> None:
    tokens = reader(code).read(written)
    assert spoken(tokens) == expected
    assert " ".join(token.kind for token in tokens if token.kind not in SILENT) == kinds
    assert "".join(token.text for token in tokens) == written


def test_every_language_has_cases() -> None:
    assert {code for code, *_ in CASES} == {"en-gb", *rule_files.codes()}


@pytest.mark.parametrize("code", rule_files.codes())
def test_any_text_is_covered(code: str) -> None:
    text = "'’- . 3. 3.5.99 31.13.2020 1,2,3 00:99 €1 1€ $ ½ ⅓ Ⅷ XIV. l'' d' 日本 ☂ -5- +49 1x2 1a"
    tokens = reader(code).read(text)
    assert "".join(token.text for token in tokens) == text
    assert [token.start for token in tokens[1:]] == [token.end for token in tokens[:-1]]


@pytest.mark.parametrize("code", rule_files.codes())
def test_all_names_of_letters_and_signs_are_there(code: str) -> None:
    rules = rule_files.load(code)
    assert len([letter for letter in rules.words.letters if len(letter) == 1]) >= 26
    assert {"&", "%", "€", "+", "=", "@"} <= rules.words.signs.keys()
    assert not rules.words.spelt & rules.words.spoken


@pytest.mark.parametrize(
    "code", [c for c in rule_files.codes() if (ARTIFACTS / c / "manifest.json").exists()]
)
def test_sounds_fit_the_shipped_artifact(code: str) -> None:
    inventory = Inventory(artifacts.read(ARTIFACTS / code).phonemes.own)
    rules = rule_files.load(code)
    names = [name.sounds for name in rules.words.letters.values()]
    for sounds in (*names, *rules.clitics.sounds.values()):
        phonemes = inventory.parse(sounds, "ipa")
        assert phonemes in inventory
        assert "".join(phonemes) == sounds


def test_sentences_end_at_full_stops_alone() -> None:
    text = "Am 3. Mai kam Dr. Müller. Danach ging er usw. Das war alles."
    found = ["".join(t.text for t in each) for each in sentences(reader("de").read(text))]
    assert found == ["Am 3. Mai kam Dr. Müller. ", "Danach ging er usw. ", "Das war alles."]


def test_a_sign_without_a_name_is_reported() -> None:
    (token,) = reader("de").read("☂")[:1]
    assert token.words == ()


def test_an_ordinal_that_is_not_known_is_a_cardinal_with_a_warning() -> None:
    (token, *_) = reader("cs").read("150. výročí")
    assert token.spoken == "sto padesát"
    assert token.warnings == ("150. -> sto padesát: this ordinal is not known in the language",)


def test_languages_are_found_by_tag() -> None:
    assert languages.find("de-AT") is languages.find("de")
    assert languages.find("fi") is None
    assert languages.find("und") is None
    assert languages.find("en-GB") is not languages.find("en-US")
    english = languages.find("en")
    assert english is not None
    assert english.arpabet


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[numbers", "expected"),
        ("[numbers]\nnum2words = 1", "numbers.num2words: expected a string"),
        ("[numbers]\nnum2words = 'de'\nplurals = 'two'", "numbers.plurals: expected one of one,"),
        ("[numbers]\nnum2words = 'de'\nbreaks = '('", "numbers.point: expected a string"),
    ],
)
def test_faults_of_a_file_are_named(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "xx.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(TableError) as caught:
        rule_files.parse(path)
    assert str(path) in str(caught.value)
    assert problem.lower() in str(caught.value).lower()


def test_an_unknown_key_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "xx.toml"
    german = (Path(rule_files.FOLDER) / "de.toml").read_text("utf-8")
    path.write_text(german.replace("point = ", "dot_ = 'x'\npoint = "), "utf-8")
    with pytest.raises(TableError, match=r"numbers\.dot_: unknown key"):
        rule_files.parse(path)
