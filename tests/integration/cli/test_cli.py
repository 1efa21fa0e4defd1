import itertools
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import lexicon
from tanger.model.phonemizer import NetworkPhonemizer
from tests.support import ROOT


def tanger(*arguments, input=None):
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=input)


@pytest.fixture
def pronounce(tiny_artifact):
    def call(*arguments, **options):
        return tanger(
            *("pronounce", *arguments, "--artifact", tiny_artifact, "--device", "cpu"),
            *("--source", "model"),
            **options,
        )

    return call


def test_words_on_the_command_line(pronounce):
    result = pronounce("tanger", "BRAND")
    assert result.exit_code == 0
    assert result.stdout == "tanger  T AE NG ER\nBRAND  B R AE N D\n"
    result = pronounce("tanger", "BRAND", "--normalized")
    assert result.stdout == "TANGER  T AE NG ER\nBRAND  B R AE N D\n"


def test_dictionaries_come_first_unless_the_network_is_named(tiny_artifact):
    requested = ("pronounce", "colonel", "--artifact", tiny_artifact, "--device", "cpu")
    assert tanger(*requested).stdout == "colonel  K ER N AH L\n"
    assert tanger(*requested, "--source", "model").stdout != "colonel  K ER N AH L\n"
    # A key that would be a comment is written as it is pronounced
    result = tanger("pronounce", "#", "two # two")
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["HASH", "TWO-HASH-TWO"]


def test_a_line_of_tsv_has_its_columns_whatever_the_word(pronounce):
    result = pronounce("--format", "tsv", input="new\tbrand\na\\b\n")
    assert result.stdout == "new\\tbrand\t\na\\\\b\t\n"


def test_words_from_stdin_keep_their_order(pronounce):
    words = ["BRAND", "tanger", "", "Garden"] * 3
    result = pronounce(input="\n".join(words))
    assert [line.split()[0] for line in result.stdout.splitlines()] == [
        "BRAND", "tanger", "Garden"] * 3  # fmt: skip
    assert "standard input: 3 blank lines skipped" in result.stderr
    assert "blank" not in pronounce(input="BRAND\ntanger\n").stderr


@pytest.mark.parametrize("format", ["cmudict", "tsv", "ctf"])
def test_answers_read_back_as_a_lexicon(pronounce, tmp_path, format):
    (tmp_path / "words.txt").write_text("TANGER\nBRAND\n")
    result = pronounce("--input", tmp_path / "words.txt", "--format", format)
    (tmp_path / "answers").write_text(result.stdout)
    assert lexicon.read(tmp_path / "answers", format) == [
        lexicon.Entry("TANGER", ("T", "AE", "NG", "ER")),
        lexicon.Entry("BRAND", ("B", "R", "AE", "N", "D")),
    ]


def test_a_lexicon_in_another_encoding_is_converted_where_it_is_named(tmp_path):
    (tmp_path / "old.dict").write_bytes("DÉJÀ  D EY ZH AA\n".encode("latin-1"))
    refused = tanger("convert", tmp_path / "old.dict", tmp_path / "new.dict")
    assert refused.exit_code == 2
    assert f"{tmp_path / 'old.dict'}:1: expected UTF-8" in refused.stderr
    assert not (tmp_path / "new.dict").exists()
    done = tanger("convert", tmp_path / "old.dict", tmp_path / "new.dict", "--encoding", "latin-1")
    assert done.exit_code == 0
    assert (tmp_path / "new.dict").read_text("utf-8") == "DÉJÀ  D EY ZH AA\n"


def test_a_lexicon_in_ipa_is_converted_looked_up_and_checked_where_that_is_named(
    tiny_artifact, tmp_path
):
    (tmp_path / "mine.tsv").write_text("tanger\t/ˈtæŋɚ/\nbed\tˈbɛd\n", encoding="utf-8")
    done = tanger("convert", tmp_path / "mine.tsv", tmp_path / "mine.dict", "--alphabet", "ipa")
    assert done.exit_code == 0
    assert (tmp_path / "mine.dict").read_text() == "tanger  T AE1 NG ER0\nbed  B EH1 D\n"
    found = tanger(
        "pronounce", "--artifact", tiny_artifact, "--source", "lexicon", "--alphabet", "ipa",
        "--lexicon", f"ipa={tmp_path / 'mine.tsv'}", "bed",
    )  # fmt: skip
    assert found.stdout == "bed  ˈbɛd\n"
    linted = tanger(
        "lint", tmp_path / "mine.tsv", "--alphabet", "ipa", "--artifact", tiny_artifact,
        "--exit-zero",
    )  # fmt: skip
    assert (linted.exit_code, linted.stderr) == (0, "0 of 2 entries are suspicious\n")


def test_several_answers_are_a_words_variants(pronounce, tmp_path):
    result = pronounce("tanger", "42", "brand", "--n", 3)
    lines = result.stdout.splitlines()
    assert lines[0] == "tanger  T AE NG ER"
    assert [line.split()[0] for line in lines] == [
        "tanger", "tanger(1)", "tanger(2)", "#", "brand", "brand(1)", "brand(2)"]  # fmt: skip
    (tmp_path / "answers.dict").write_text(result.stdout)
    assert len(set(lexicon.read(tmp_path / "answers.dict"))) == 6
    for format in ("tsv", "ctf"):
        result = pronounce("tanger", "brand", "--n", 3, "--format", format)
        (tmp_path / f"answers.{format}").write_text(result.stdout)
        assert set(lexicon.read(tmp_path / f"answers.{format}", format)) == {
            entry._replace(word=entry.word.upper() if format == "ctf" else entry.word)
            for entry in lexicon.read(tmp_path / "answers.dict")
        }
    for wrong in (0, 11):
        assert pronounce("tanger", "--n", wrong).exit_code == 2


@pytest.mark.parametrize("format", ["mfa", "kaldip"])
def test_probabilities_are_relative_to_the_likeliest(pronounce, tiny_artifact, tmp_path, format):
    result = pronounce("bad", "tanger", "42", "--n", 3, "--format", format)
    assert result.exit_code == 1
    assert "DIGIT FOUR" in result.stderr
    (tmp_path / "answers").write_text(result.stdout)
    rows = lexicon.read_rows(tmp_path / "answers", format)
    assert [row.entry.word for row in rows] == ["bad"] * 3 + ["tanger"] * 3
    phonemizer = NetworkPhonemizer.load(tiny_artifact, "cpu")
    for first, word in ((0, "BAD"), (3, "TANGER")):
        (answers,) = phonemizer.nbest([word], 3)
        best = answers[0].probability
        for row, answer in zip(rows[first : first + 3], answers, strict=True):
            assert row.entry.phonemes == answer.phonemes
            (probability,) = row.probabilities
            assert probability == pytest.approx(max(answer.probability / best, 1e-6), abs=1e-6)
    alone = pronounce("bad", "--format", format).stdout
    assert alone.split() == ["bad", "1.0", "B", "AE", "D"]


def test_kaldis_lexicon_keeps_the_word_and_no_probability(pronounce):
    result = tanger(
        "pronounce", "bad", "bad egg", "tanger", "--n", 2, "--format", "kaldi", "--source", "model"
    )
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["bad"] * 2 + ["tanger"] * 2
    assert result.stdout.startswith("bad B AE D\n")
    assert "'bad egg': kaldi cannot hold it" in result.stderr
    assert result.exit_code == 1
    assert pronounce("bad", "--alignment", "--format", "kaldi").exit_code == 2


def test_convert_makes_no_probability_up(pronounce, tmp_path):
    for format in ("tsv", "kaldip", "mfa"):
        printed = pronounce("bad", "tanger", "--n", 3, "--format", format).stdout
        (tmp_path / f"answers.{format}").write_text(printed)
    refused = tanger("convert", tmp_path / "answers.tsv", tmp_path / "lexiconp.txt")
    assert (refused.exit_code, refused.stderr.count("\n")) == (2, 1)
    assert "no probability for 6 of 6 entries" in refused.stderr
    assert "pronounce --format kaldip" in refused.stderr
    assert not (tmp_path / "lexiconp.txt").exists()
    to_mfa = tanger("convert", tmp_path / "answers.tsv", tmp_path / "x.dict", "--to", "mfa")
    assert to_mfa.exit_code == 0
    assert not any(row.probabilities for row in lexicon.read_rows(tmp_path / "x.dict", "mfa"))
    mixed = (tmp_path / "answers.mfa").read_text() + "brand\tB R AE N D\n"
    (tmp_path / "mixed.dict").write_text(mixed)
    refused = tanger("convert", tmp_path / "mixed.dict", tmp_path / "lexiconp.txt", "--from", "mfa")
    assert "1 of 7 entries, the first in line 7" in refused.stderr
    done = tanger("convert", tmp_path / "answers.mfa", tmp_path / "lexiconp.txt", "--from", "mfa")
    assert done.exit_code == 0
    assert (tmp_path / "lexiconp.txt").read_text() == (tmp_path / "answers.kaldip").read_text()


def test_letters_before_their_phonemes(pronounce):
    result = tanger("pronounce", "tanger", "box", "forty-two", "--alignment", "--normalized")
    assert result.stdout == (
        "TANGER  T:T A:AE NG:NG ER:ER\nBOX  B:B O:AA X:K X:S\n"
        "FORTY-TWO  F:F O:AO R:R T:T Y:IY T:T WO:UW\n"
    )
    assert result.stderr == "'forty-two': read in parts: forty, two\n"
    result = tanger("pronounce", "tanger", "--alignment", "--format", "tsv", "--alphabet", "ipa")
    assert result.stdout == "tanger\tT:ˈt A:æ NG:ŋ ER:ɚ\n"
    refused = pronounce("tanger", "--alignment", "--format", "ctf")
    assert (refused.exit_code, refused.stdout) == (2, "")


def test_what_cannot_be_pronounced_leaves_its_line(pronounce):
    result = pronounce("tanger", "42", "brand")
    assert result.exit_code == 1
    assert result.stdout == "tanger  T AE NG ER\n# '42': unspellable\nbrand  B R AE N D\n"
    assert "DIGIT FOUR" in result.stderr
    assert pronounce("tanger", "42", "--format", "tsv").stdout == "tanger\tT AE NG ER\n42\t\n"


def test_changes_are_reported_on_stderr(pronounce):
    result = pronounce("Tänger")
    assert result.stdout == "Tänger  T AE NG ER\n"
    assert "ä -> A" in result.stderr


def test_words_that_are_not_utf8_are_answered(pronounce, tmp_path):
    (tmp_path / "words.txt").write_bytes(b"\xef\xbb\xbfTANGER\ncaf\xe9\nBRAND\n")
    result = pronounce("--input", tmp_path / "words.txt")
    assert result.exit_code == 1
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["TANGER", "#", "BRAND"]


def test_a_byte_order_mark_is_no_part_of_the_first_word(tiny_artifact):
    done = subprocess.run(
        [sys.executable, "-m", "tanger", "pronounce", "--artifact", str(tiny_artifact)],
        cwd=ROOT, input=b"\xef\xbb\xbfBRAND\r\n", capture_output=True, check=False,
    )  # fmt: skip
    assert (done.stdout, done.stderr) == (b"BRAND  B R AE N D\n", b"")


def test_an_argument_that_is_not_utf8_is_answered(tiny_artifact):
    done = subprocess.run(
        [sys.executable, "-m", "tanger", "pronounce", b"caf\xe9", "BRAND", "--format", "tsv",
         "--artifact", str(tiny_artifact)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stdout.splitlines()[-1] == "BRAND\tB R AE N D"


def test_nobody_reading_on_is_no_error(tiny_artifact):
    requested = f"'{sys.executable}' -m tanger pronounce --artifact '{tiny_artifact}'"
    script = f"yes TANGER | head -9000 | {requested} | head -1"
    done = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "TANGER  T AE NG ER\n"
    assert "rror" not in done.stderr


def test_ctf_marks_phonemes_once(pronounce):
    result = pronounce("tanger", "--format", "ctf", "--alphabet", "cntk")
    assert "~T" in result.stdout
    assert "~~" not in result.stdout


def test_alphabets(pronounce):
    assert pronounce("tanger", "--alphabet", "cntk").stdout == "tanger  ~T ~AE ~NG ~ER\n"
    refused = pronounce("tanger", "--alphabet", "native")
    assert refused.exit_code == 2
    assert "'arpabet' or 'ipa' or 'x-sampa' or 'cntk'" in refused.stderr


def test_convert_there_and_back(little_lexicon, tmp_path):
    source = little_lexicon["dev"]
    for step, name in ((source, "a.ctf"), ("a.ctf", "b.tsv"), ("b.tsv", "c.dict")):
        result = tanger("convert", tmp_path / step, tmp_path / name)
        assert result.exit_code == 0
        assert "100 entries" in result.stdout
    assert (tmp_path / "c.dict").read_bytes() == source.read_bytes()


def test_convert_between_all_formats(little_lexicon, tmp_path):
    source = little_lexicon["dev"]
    measured = [row._replace(probabilities=(1.0,)) for row in lexicon.read_rows(source)]
    lexicon.write_lines(tmp_path / "measured.dict", lexicon.render_rows(measured, "mfa"))
    steps = [source, "a.pls", "lexicon.txt", "measured.dict", "lexiconp.txt", "b.mfa", "c.tsv",
             "d.ctf", "e.dict"]  # fmt: skip
    for step, name in itertools.pairwise(steps):
        if name == "measured.dict":  # probabilities come from no conversion
            continue
        extra = ["--to", "mfa"] if name == "b.mfa" else []
        result = tanger("convert", tmp_path / step, tmp_path / name, *extra)
        assert result.exit_code == 0, result.stderr
        assert "100 entries" in result.stdout
        assert ("no place for all" in result.stdout) == (name == "c.tsv")
    assert (tmp_path / "e.dict").read_bytes() == source.read_bytes()
    assert (tmp_path / "lexiconp.txt").read_text().split()[1] == "1.0"


def test_convert_says_what_is_wrong(tmp_path):
    (tmp_path / "bad.dict").write_text("A  AH\nTANGER\n")
    bad = tanger("convert", tmp_path / "bad.dict", tmp_path / "x.tsv")
    assert (bad.exit_code, bad.stderr.count("\n")) == (2, 1)
    assert "bad.dict:2: expected" in bad.stderr
    assert not (tmp_path / "x.tsv").exists()
    (tmp_path / "bad.mapping").write_bytes(b"\xff\nA A")
    (tmp_path / "good.dict").write_text("A  AH\n")
    mapped = tanger("convert", tmp_path / "good.dict", tmp_path / "x.ctf", "--mapping",
                    tmp_path / "bad.mapping")  # fmt: skip
    assert (mapped.exit_code, mapped.stderr.count("\n")) == (2, 1)
    unnamed = tanger("convert", tmp_path / "bad.dict", tmp_path / "x")
    assert "say --to" in unnamed.stderr
    missing = tanger("convert", tmp_path / "none.dict", tmp_path / "x.tsv")
    assert "none.dict: No such file" in missing.stderr


def test_evaluate_prints_and_keeps(tiny_artifact, little_lexicon, tmp_path):
    import json
    import shutil

    copy = tmp_path / "tiny"
    shutil.copytree(tiny_artifact, copy)
    result = tanger("evaluate", "--artifact", copy, "--lexicon", little_lexicon["test"])
    assert result.exit_code == 0
    assert "--keep writes" in result.stderr
    assert not (copy / "metrics.json").exists()
    assert not (copy / "README.md").exists()
    result = tanger("evaluate", "--artifact", copy, "--lexicon", little_lexicon["test"], "--keep")
    assert result.exit_code == 0
    card = (copy / "README.md").read_text()
    assert "Not calibrated" in card
    assert card.count("input_symbols") == 1, "that of the network, not the recipe's"
    kept = json.loads((copy / "metrics.json").read_text())["evaluations"]["test.dict"]
    assert f"any-match  WER {100 * kept['any_match']['wer']:.2f} %" in result.stdout
    assert f"{round(kept['words_per_second']):,} words/s" in result.stdout
    unmasked = tanger("evaluate", "--artifact", copy, "--lexicon", little_lexicon["test"],
                      "--unmasked")  # fmt: skip
    assert unmasked.exit_code == 0
    refused = tanger("evaluate", "--artifact", copy, "--lexicon", little_lexicon["test"],
                     "--unmasked", "--keep")  # fmt: skip
    assert refused.exit_code == 2
    assert "--unmasked" in refused.stderr


def test_a_missing_artifact_is_one_line(tmp_path):
    result = tanger("pronounce", "tanger", "--artifact", tmp_path / "none")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "no such folder" in result.stderr


def test_download_from_a_folder(split, tmp_path):
    result = tanger("data", "--from", split, "--to", tmp_path)
    assert result.exit_code == 0
    assert tanger("data", "--from", split, "--to", tmp_path).stdout.count("reusing") == 6


def test_training_on_no_terminal_writes_plain_lines(little_lexicon, tiny_recipe_file, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tanger", "train", "--fast", "--recipe", str(tiny_recipe_file),
         "--lexicon", str(little_lexicon["train"]), "--dev", str(little_lexicon["dev"]),
         "--out", str(tmp_path / "out"), "--run", str(tmp_path / "run"), "--device", "cpu"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "\x1b" not in done.stdout
    assert "1,500 entries, 9 graphemes, 10 phonemes" in done.stdout
    assert "minibatch 0: loss" in done.stdout
    assert "epoch 1 of 1 done" in done.stdout


def test_the_command_line_speaks_of_nothing_but_torch_when_it_must():
    """Help and conversion start without torch: they answer at once."""
    script = "import tanger.commands, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def test_what_takes_torch_says_so_where_it_is_not_installed(tmp_path):
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from tanger.commands import app; app(sys.argv[1:])"
    )
    (tmp_path / "few.dict").write_text("TANGER  T AE NG ER\n")
    for arguments in (["evaluate", "--lexicon", "few.dict"],
                      ["calibrate", "--lexicon", "few.dict", "--artifact", "x"],
                      ["label", "--teacher", "x", "--lexicon", "few.dict", "--out", "y"],
                      ["train", "--recipe", "default", "--lexicon", "few.dict", "--dev", "few.dict",
                       "--out", "z"]):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], check=False, capture_output=True, text=True,
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert done.returncode == 2, done.stderr
        assert done.stderr == "error: this command takes torch, which is not installed here\n"
