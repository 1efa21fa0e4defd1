import csv
import io
import json
import re
import shlex

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks import lint as benchmark
from benchmarks.planted_errors import plant
from tanger.commands import app
from tanger.model.decoding.native import build
from tanger.model.lexicon import Entry
from tanger.model.lint.linter import Linter
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.phonology.stress import VOWELS
from tests.support import ROOT
from tests.support.artifacts import random_artifact
from tests.support.networks import STRESSED

LEXICON = """\
;;; Words of a shop
BAKERS  B EY1 K ER0 Z
BAKER  B EY1 K ER0
BAKER'S  B EY1 K ER0 S
BBC  B IY2 B IY2 S IY1
BREAD  B R EH1 D
BUTTER  B AH1 ER0
CHEESE  CH IY1 Z # or two
FLOUR  F L AW1 ER0
FLOUR(1)  F L AW1 R
HONEY  HH AH1 N IY1
KITCHEN  IH1 K CH AH0 N
MUSTARD  M AH1 S T ER0 D
PEPPER  s p ih1 n ah0 ch
SPINACH  S P IH1 N AH0 CH
SPINACH(1)  S P IH1 N AH0 CH
SUGAR  SH UH1 G ER0 100G
TOMATO  T AH0 M AA0 T OW0
VINEGAR  V N G R
"""
ENGLISH = ROOT / "artifacts" / "en-us"
SOUND = "BAKER  B EY1 K ER0\nBAKERS  B EY1 K ER0 Z\nBREAD  B R EH1 D\nFLOUR  F L AW1 ER0\n"


def lint(*arguments):
    return CliRunner().invoke(app, ["lint", *map(str, arguments)])


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop.dict"
    path.write_text(LEXICON)
    return path


@pytest.fixture(scope="module")
def linter(shipped_artifact):
    return Linter(NetworkPhonemizer.load(shipped_artifact, "cpu"))


def findings(*arguments):
    return json.loads(lint(*arguments, "--format", "json").stdout)


def test_what_is_wrong_is_found_with_its_line_reason_and_suggestion(shop):
    found = {each["line"]: each for each in findings(shop)}
    assert sorted(found) == [4, 7, 11, 12, 14, 16, 17, 18, 19]
    reported = {
        4: ("its stem sounds otherwise", "B EY1 K ER0 Z"),
        7: ("T is missing", "B AH1 T ER0"),
        11: ("several primary stresses", "HH AH1 N IY0"),
        12: ("K", "K IH1 CH AH0 N"),
        14: ("s: phonemes are in capitals", "S P IH1 N AH0 CH"),
        16: ("the same as line 15", None),
        17: ("trailing junk: 100G", "SH UH1 G ER0"),
        18: ("no primary stress", None),
        19: ("no vowel", "V IH1 N AH0 G ER0"),
    }
    for line, (reason, suggestion) in reported.items():
        assert reason in " ".join(found[line]["reasons"]), found[line]
        if suggestion:
            # Weights may differ about a vowel without stress
            spoken = re.sub("(AH|IH)0", "AH0", " ".join(found[line]["suggestion"]))
            assert spoken == re.sub("(AH|IH)0", "AH0", suggestion)


def test_the_worst_come_first(shop):
    suspicions = [each["suspicion"] for each in findings(shop)]
    assert suspicions == sorted(suspicions, reverse=True)
    assert suspicions[:3] == [1, 1, 1]
    assert suspicions[-1] >= 0.5
    assert len(findings(shop, "--least", 0.99)) < len(suspicions)
    assert len(findings(shop, "--least", 0)) == 18
    result = lint(shop, "--most", 2)
    assert len(result.stdout.splitlines()) == 2
    assert "9 of 18 entries are suspicious, the first 2 are listed" in result.stderr


def test_it_exits_like_a_linter(shop, tmp_path):
    assert lint(shop).exit_code == 1
    assert lint(shop, "--exit-zero").exit_code == 0
    (tmp_path / "sound.dict").write_text(SOUND)
    result = lint(tmp_path / "sound.dict")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "0 of 4 entries are suspicious" in result.stderr


def test_a_line_says_where_and_what(shop):
    lines = lint(shop).stdout.splitlines()
    assert (
        f"{shop}:17: SUGAR  SH UH1 G ER0 100G -> SH UH1 G ER0  (1.00: trailing junk: 100G)" in lines
    )


def test_the_example_of_the_documents_runs(shop):
    document = (ROOT / "docs" / "lexicons.md").read_text()
    (arguments,) = re.findall(r"tanger lint (mine\.dict .*)", document)
    arguments = arguments.replace("mine.dict", str(shop)).replace("artifacts/mine", str(ENGLISH))
    result = lint(*shlex.split(arguments))
    assert (result.exit_code, len(result.stdout.splitlines())) == (1, 9)


ITALIAN = "casa\tk a z a\nvita\tv i t a\ngiro\tdʒ i r o\nfoglia\tf ɔ ʎ ʎ a\n"


def test_phonemes_of_another_language_are_refused(tmp_path):
    (tmp_path / "it.tsv").write_text(ITALIAN)
    result = lint(tmp_path / "it.tsv")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert "4 of 4 entries hold phonemes that the artifact does not have: a i" in result.stderr
    assert "--artifact" in result.stderr
    # One phoneme more than the artifact's, in many entries, is no slip of the pen either
    (tmp_path / "timit.dict").write_text("".join(
        f"{word}  {phonemes}\n" for word, phonemes in
        (("ABOUT", "AX B AW1 T"), ("SOFA", "S OW1 F AX"), ("BREAD", "B R EH1 D"),
         ("AGO", "AX G OW1"), ("COMMA", "K AA1 M AX"), ("ALONE", "AX L OW1 N"))
    ))  # fmt: skip
    assert "does not have: AX;" in lint(tmp_path / "timit.dict").stderr


def test_capitals_and_digits_are_no_other_phonemes(tmp_path):
    (tmp_path / "small.dict").write_text("BREAD  b r eh1 d\nBAKER  b ey1 k er0\n")
    assert "capitals" in lint(tmp_path / "small.dict").stdout
    (tmp_path / "bare.dict").write_text("BREAD  B R EH D\nBAKER  B EY K ER\n")
    assert lint(tmp_path / "bare.dict").exit_code in (0, 1)


def test_tab_separated_findings(shop):
    rows = list(csv.DictReader(io.StringIO(lint(shop, "--format", "tsv").stdout), delimiter="\t"))
    assert [int(row["line"]) for row in rows] == [each["line"] for each in findings(shop)]
    assert rows[0]["suspicion"] == "1.000"
    assert {row["word"] for row in rows} >= {"BAKER'S", "PEPPER"}


def test_stems_of_another_lexicon(shop, tmp_path):
    form = tmp_path / "forms.dict"
    form.write_text("BAKER'S  B EY1 K ER0 S\n")
    alone = findings(form, "--least", 0)[0]
    assert not any("stem" in reason for reason in alone["reasons"])
    beside = findings(form, "--least", 0, "--known", shop)[0]
    assert "its stem sounds otherwise" in beside["reasons"]
    assert beside["suspicion"] > alone["suspicion"]


def test_words_that_the_artifact_cannot_read_are_counted(tmp_path):
    path = tmp_path / "odd.dict"
    path.write_text("4U  F AO1 R Y UW1\nBREAD  B R EH1 D\n42  F AO1\n42  F AO1\n")
    result = lint(path)
    assert result.exit_code == 1
    assert result.stdout.startswith(f"{path}:4: 42  F AO1  (1.00: the same as line 3)")
    assert "2 hold letters that the artifact does not read" in result.stderr


@pytest.mark.parametrize(
    ("content", "reported"),
    [("BREAD  B R EH1 D\nBUTTER\n", ":2: expected WORD  PHONEME"), (None, "No such file")],
)
def test_what_is_no_lexicon(tmp_path, content, reported):
    path = tmp_path / "some.dict"
    if content:
        path.write_text(content)
    result = lint(path)
    assert result.exit_code == 2
    assert reported in result.stderr


def test_a_lexicon_without_stress_is_judged_without(linter):
    entries = [("BAKER", "B EY K ER"), ("BAKER'S", "B EY K ER S"), ("HONEY", "HH AH N IY")]
    rows = [(n, Entry(w, tuple(p.split()))) for n, (w, p) in enumerate(entries, 1)]
    found = linter.lint(rows, threshold=0)
    for each in found:
        assert each.features.digit == each.features.moved == each.features.no_primary == 0
    assert found[1].suggestion == ("B", "EY", "K", "ER", "Z")
    assert found[2].suggestion is None


def test_a_suggestion_is_a_whole_pronunciation(linter):
    wrong = {"GOOD": "G IH0 D", "HONEY": "HH AH1 N IY1", "MEALO": "M IY1 AH0 L OW1"}
    rows = [(n, Entry(w, tuple(p.split()))) for n, (w, p) in enumerate(wrong.items(), 1)]
    good, honey, mealo = (each.suggestion for each in linter.lint(rows, threshold=0))
    assert good == ("G", "UH1", "D"), "neither sound nor stress was right"
    assert honey == ("HH", "AH1", "N", "IY0"), "only the stress was wrong"
    for suggested in (good, honey, mealo):
        assert not any(phoneme in VOWELS for phoneme in suggested), "each vowel bears its digit"


def test_acronyms_are_not_suspicious(linter):
    names = {"BBC": "B IY2 B IY2 S IY1", "NBC'S": "EH2 N B IY2 S IY1 Z", "FM": "EH1 F EH1 M"}
    rows = [(n, Entry(w, tuple(p.split()))) for n, (w, p) in enumerate(names.items(), 1)]
    assert max(each.suspicion for each in linter.lint(rows)) < 0.05


def test_an_artifact_of_another_language(tmp_path):
    artifact = random_artifact(tmp_path / "random", STRESSED["strong"])
    linter = Linter(NetworkPhonemizer.load(artifact.path, "cpu"))
    words = {"ABBA": "a b b a", "DADAS": "d a d a", "CAGE": "c a g e x", "FACE": "f a c e"}
    rows = [(n, Entry(w, tuple(p.split()))) for n, (w, p) in enumerate(words.items(), 1)]
    abba, dadas, cage, face = linter.lint(rows, threshold=0)
    assert abba.features.no_vowel == abba.features.no_primary == face.features.no_vowel == 0
    assert dadas.features is None  # the artifact has no S
    assert cage.fault.reason == "trailing junk: x"


def test_an_entry_is_judged_alone_as_among_others(linter):
    entries = [
        Entry(word, tuple(phonemes.split()))
        for word, phonemes in (line.split("  ") for line in SOUND.splitlines())
    ]
    rows = list(enumerate(entries, 1))
    together = linter.lint(rows * 100)[: len(rows)]
    for row, each in zip(rows, together, strict=True):
        (alone,) = linter.lint([row], known=entries)
        assert alone.features == pytest.approx(each.features, abs=1e-3)


def test_planted_errors_are_found(split, linter):
    """On some dev entries; `python -m benchmarks.lint` has the figures of the test words."""
    parts = benchmark.read_split(split)
    entries = parts.dev[::6]
    planted = plant(entries, parts.right, count=len(entries) // 20, seed=9)
    examined = benchmark.examine(linter, entries, planted, ())
    suspicions = np.array([each.suspicion for each in examined])
    precision, _ = benchmark.curve(suspicions, np.isin(np.arange(len(entries)), list(planted)))
    assert precision[benchmark.RECALLS.index(0.5)] > 0.7


def test_torch_does_where_nothing_is_compiled(monkeypatch, shop):
    compiled = findings(shop)
    monkeypatch.setattr(build, "library", lambda: None)
    assert [each["line"] for each in findings(shop)] == [each["line"] for each in compiled]
