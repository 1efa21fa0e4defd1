import pytest

from tanger.model.text import TableError, acronym_model
from tanger.model.text.acronym_model import AcronymModel
from tanger.model.text.reader.reader import TextReader
from tests.support import ROOT

FOLDER = ROOT / "artifacts" / "en-us-text"


@pytest.fixture(scope="module")
def model():
    return AcronymModel.load(FOLDER)


def spoken(model, token, **context):
    decided = model.decide(token, **context)
    assert decided.letters
    return " ".join(acronym_model.phonemes(decided))


@pytest.mark.parametrize(
    ("token", "sounds"),
    [
        ("UK's", "Y UW K EY Z"),
        ("VPs", "V IY P IY Z"),
        ("DJs'", "D IY JH EY Z"),
        ("U.S.'s", "Y UW EH S IH Z"),
        ("M.D.s", "EH M D IY Z"),
        ("Ph.D.", "P IY EY CH D IY"),
        ("PhDs", "P IY EY CH D IY Z"),
        ("CEO’s", "S IY IY OW Z"),
    ],
)
def test_plurals_and_possessives_of_any_length(model, token, sounds):
    assert spoken(model, token) == sounds


@pytest.mark.parametrize(
    "token",
    "FAQ faq LED URL UX UK AWS AI DIY ETA IPO ID OS NYU ICU mRNA www http sql jpg ghz".split(),
)
def test_letter_by_letter(model, token):
    assert model.decide(token).letters


@pytest.mark.parametrize(
    "token", "NASA NATO GIFs laser UNESCO's hmm nth us it id diys led Led".split()
)
def test_as_a_word(model, token):
    assert not model.decide(token).letters


@pytest.mark.parametrize("part", ["CO", "FA", "EC", "IPv", "H", "SO", "mp"])
def test_letters_beside_digits(model, part):
    assert model.decide(part, beside_digits=True).letters


def test_the_lexicon_tells_words_in_capitals(model):
    known = [("HH", "AA1", "R", "D")]
    assert not model.decide("HARD", known).letters
    assert not model.decide("GO", [("G", "OW1")], among_capitals=True).letters
    assert model.decide("CBO", [("S", "IY1", "B", "IY1", "OW1")]).letters


def test_capitals_of_a_word_alone_count_for_less(model):
    sounds = [("EH1", "R")]
    assert model.decide("AIR", sounds).letters
    alone = model.decide("AIR", sounds, alone=True)
    assert not alone.letters
    assert alone.probability > 0.5
    assert model.decide("BBQ", [("B", "AA1", "R")], alone=True).letters  # nobody says it as a word
    assert model.decide("XQB", alone=True).letters


def test_the_reader_asks_with_its_lexicon(model):
    lexicon = {"hard": [("HH", "AA1", "R", "D")]}
    acronyms = acronym_model.LexiconAcronyms(model, lambda word: lexicon.get(word, []))
    texts = TextReader(acronyms=acronyms)
    spoken = [token.spoken for token in texts.read("The UK's NASA, FAQ and HARD") if token.words]
    assert spoken == ["the", "UK's", "nasa", "FAQ", "and", "hard"]
    assert acronyms.decide("naïve") == (False, 1.0)


@pytest.mark.parametrize("token", ["ChatGPT", "ChatGPTs", "OpenAI", "MySQL", "iPhone"])
def test_mixed_case_is_not_decided(model, token):
    assert model.decide(token) is None


@pytest.mark.parametrize("token", ["", "'s", "R&D", "naïve", "42", "'", ".", "U.", "🎄"])
def test_what_is_no_acronym_is_not_decided(model, token):
    assert model.decide(token) is None


def test_a_bad_line_of_the_table_is_named(tmp_path):
    path = tmp_path / "acronyms.tsv"
    path.write_text("# heading\nFAQ\tletters\tany\nFaq\tletters\tany\n")
    with pytest.raises(TableError, match="expected WORD") as raised:
        acronym_model.read_table(path)
    assert raised.value.line == 3


def test_weights_of_another_format_are_refused(tmp_path):
    (tmp_path / "acronyms.json").write_text("{}")
    with pytest.raises(TableError, match="tanger-acronyms-1"):
        AcronymModel.load(tmp_path)
