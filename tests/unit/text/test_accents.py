"""Accent rules, applied to CMUdict's pronunciations and to the spelling for the network."""

import asyncio

import pytest

from tanger.model.lexicon import Variant
from tanger.model.phonology import notation
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.phonology.stress import strip
from tanger.model.text.accents import Accents
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.lookup import WordLookup
from tanger.model.text.reader.tables import FOLDER, load, rows
from tanger.model.text.reader.token import SpokenWord
from tanger.model.text.reading import WordReader
from tanger.model.text.resolution import Resolver
from tanger.model.text.segments import ReadWord
from tanger.model.text.speller import Speller
from tanger.service.user_lexicon.store import UserLexicon

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ'"
SPELLER = Speller(LETTERS, accents=load().accents)


@pytest.fixture(scope="module")
def resolver(tmp_path_factory):
    user = UserLexicon(tmp_path_factory.mktemp("user") / "words.sqlite3")
    asyncio.run(user.put("lamé", [Variant(("L", "AA0", "M", "EY1"))]))
    inventory = Inventory(notation.ARPABET)
    reader = WordReader(LETTERS, notation.ARPABET)
    yield Resolver(
        reader, WordLookup(reader.speller, inventory, Dictionaries.read(inventory), user)
    )
    user.close()


@pytest.mark.parametrize(
    ("word", "spelling", "warnings"),
    [
        ("rosé", "ROZAY", ("sé -> ZAY",)),
        ("déjà", "DAYZHAH", ("déjà -> DAYZHAH",)),
        ("João", "ZHWOW", ("João -> ZHWOW",)),
        ("passé", "PASSAY", ("é -> AY",)),
        ("touché", "TOUSHAY", ("ché -> SHAY",)),
        ("DIVORCÉE", "DIVORSAY", ("CÉE -> SAY",)),
        ("manqué", "MANKAY", ("qué -> KAY",)),
        ("pâté", "PAHTAY", ("ât -> AHT", "é -> AY")),
        ("pa\u0302te\u0301", "PAHTAY", ("ât -> AHT", "é -> AY")),
        ("touché’s", "TOUSHAY'S", ("ché -> SHAY", "’ -> '")),
        ("Québec", "QUEBEC", ("é -> E",)),
        ("détente", "DAYTENTE", ("dé -> DAY",)),
        ("crème", "CREM", ("ème -> EM",)),
        ("wingèd", "WINGID", ("èd -> ID",)),
        ("Brontë", "BRONTEY", ("ë -> EY",)),
        ("façade", "FASSADE", ("ç -> SS",)),
        ("François", "FRANSOIS", ("ç -> S",)),
        ("piñata", "PINYATA", ("ñ -> NY",)),
        ("jalapeño", "HALAPENYO", ("j -> H", "ñ -> NY")),
        ("Jäger", "YAYGER", ("Jäg -> YAYG",)),
        ("Dvořák", "DVORSHAK", ("ř -> RSH", "á -> A")),
        ("Ångström", "ANGSTROM", ("Å -> A", "ö -> O")),
        ("é", "E", ("é -> E",)),
        ("Reykjavík", "REYKJAVEEK", ("í -> EE",)),
    ],
)  # fmt: skip
def test_what_the_network_is_to_read(word, spelling, warnings):
    spelt = SPELLER.spell(word)
    assert (spelt.normalized, spelt.warnings) == (spelling, warnings)


def test_lexicons_look_for_the_bare_spelling():
    bare = SPELLER.bare("Rosé")
    assert (bare.normalized, bare.warnings) == ("ROSE", ("é -> E",))
    assert SPELLER.bare("rose") == SPELLER.spell("rose")


def test_an_artifact_that_reads_the_letter_needs_no_respelling():
    french = Speller("abcdefghijklmnopqrstuvwxyzé'", accents=load().accents)
    assert french.spell("Rosé").normalized == "rosé"
    assert Speller(LETTERS).spell("rosé").normalized == "ROSE"


def heard(resolver, word, source="auto"):
    """Return a word's sources, normalised form, first pronunciation and warnings."""
    (found,) = resolver.resolve([word], source)
    first = [strip(each.pronunciations[0]) for each in found.segments if each.pronunciations]
    phonemes = " ".join(phoneme for each in first for phoneme in each)
    return [each.source for each in found.segments], found.normalized, phonemes, found.warnings


@pytest.mark.parametrize(
    ("word", "normalized", "phonemes"),
    [
        ("résumé", "RESUME", "R EH Z AH M EY"),
        ("résumés", "RESUMES", "R EH Z AH M EY Z"),
        ("résumé's", "RESUME'S", "R EH Z AH M EY Z"),
        ("CAFÉ", "CAFE", "K AH F EY"),
        ("cafe\u0301s", "CAFES", "K AE F EY Z"),
        ("naïve", "NAIVE", "N AY IY V"),
        ("façade", "FACADE", "F AH S AA D"),
        ("Beyoncé’s", "BEYONCE'S", "B IH Y AO N S EY Z"),
        ("niño", "NINO", "N IY N Y OW"),
        ("Peña", "PENA", "P EY N Y AH"),
        ("Raúl", "RAUL", "R AA UW L"),
        ("olé", "OLE", "OW L EY"),
        ("abbé", "ABBE", "AE B EY"),
        ("Zoë", "ZOE", "Z OW IY"),
        ("soirée", "SOIREE", "S W AA R EY"),
        ("cliché", "CLICHE", "K L IY SH EY"),
    ],
)  # fmt: skip
def test_a_dictionary_answers_with_what_says_the_marks(resolver, word, normalized, phonemes):
    sources, found, first, warnings = heard(resolver, word)
    assert (sources, found) == (["lexicon"], normalized)
    assert first == phonemes
    assert warnings


def test_variants_that_are_left_out_are_reported(resolver):
    warnings = heard(resolver, "résumé")[3]
    assert warnings == (
        "é -> E",
        "pronunciations of RESUME that do not say its marks are left out",
    )
    assert heard(resolver, "cliché")[3] == ("é -> E",)


@pytest.mark.parametrize(
    ("word", "spelling"),
    [
        ("rosé", "ROZAY"), ("rosés", "ROZAYS"), ("pâté", "PAHTAY"), ("maté", "MATAY"),
        ("Dvořák", "DVORSHAK"), ("crème", "CREM"), ("touché", "TOUSHAY"), ("Jesús", "HESOOS"),
        ("cañada", "CANYADA"), ("wingèd", "WINGID"), ("Boötes", "BOWOTES"), ("Jäger", "YAYGER"),
    ],
)  # fmt: skip
def test_another_word_of_a_dictionary_does_not_answer(resolver, word, spelling):
    """CMUdict has ROSE, PATE, MATE, DVORAK, CREME, ..., whose sounds disagree with the accents."""
    sources, normalized, _, warnings = heard(resolver, word)
    assert (sources, normalized) == (["model"], spelling)
    assert warnings == SPELLER.spell(word).warnings
    (found,) = resolver.resolve([word], "lexicon")
    assert found.error is not None
    assert found.error.code == "not_in_lexicon"


def test_an_entry_with_marks_comes_first(resolver):
    assert heard(resolver, "lamé") == (["user"], "LAMÉ", "L AA M EY", ())
    assert heard(resolver, "lamé's")[:3] == (["user"], "LAME'S", "L AA M EY Z")
    assert heard(resolver, "lame")[0] == ["lexicon"]


def test_parts_keep_their_marks(resolver):
    sources, normalized, _, warnings = heard(resolver, "résumé-rosé")
    assert sources == ["lexicon", "model"]
    assert normalized == "RESUME-ROZAY"
    assert warnings == (
        "read in parts: résumé, rosé",
        "é -> E",
        "pronunciations of RESUME that do not say its marks are left out",
        "sé -> ZAY",
    )


def test_words_of_a_text_are_answered_as_words_are(resolver):
    words = ("résumé", "rosé", "Beyoncé's", "lamé", "tanger")
    for source in ("auto", "model"):
        alone = resolver.resolve(words, source)
        read = resolver.resolve_read([ReadWord(SpokenWord(each), False) for each in words], source)
        for one, other in zip(alone, read, strict=True):
            assert (one.normalized, one.segments) == (other.normalized, other.segments)
            assert one.warnings == other.warnings


def test_each_rule_of_the_table_holds_for_its_examples():
    table = list(rows(FOLDER / "en-us" / "accents.tsv"))
    assert len(table) == len(load().accents.rules)
    for row in table:
        alone = Accents.parse([row])
        for word in row[3].split():
            assert any(spelling == row[1] for _, spelling in alone.pieces(word)), (row, word)
