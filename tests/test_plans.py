"""What is read out, in front of real lexicons: CMUdict's own, and people's own words."""

import asyncio

import pytest

from model import alphabets
from model.inventory import Inventory
from model.reading import Reader
from service.lexicon_store import UserLexicon
from service.lexicons import Lexicons
from service.plans import Planner
from service.settings import Settings
from service.sources import Sources

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ'"


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    user = UserLexicon(tmp_path_factory.mktemp("user") / "words.sqlite3")
    asyncio.run(user.put("tangerine-ish", [("T", "AE1", "NG")]))
    asyncio.run(user.put("zorvex", [("Z", "AO1", "R", "V")]))
    asyncio.run(user.put("glimmerer", [("G", "L", "IH1", "M", "ER0", "ER0")]))
    yield user
    user.close()


@pytest.fixture(scope="module")
def planner(user):
    inventory = Inventory(alphabets.ARPABET)
    reader = Reader(LETTERS, alphabets.ARPABET)
    lexicons = Lexicons.read(Settings(), inventory)
    return Planner(reader, Sources(reader.speller, inventory, lexicons, user))


def plan(planner, word, source="auto"):
    (found,) = planner.plan([word], source)
    assert found.word == word
    assert (found.error is None) == bool(found.pieces)
    return found


def pieces(found):
    return [(piece.text, piece.source) for piece in found.pieces]


def test_the_network_alone_is_asked_for_words_and_rules_for_letters(planner):
    assert pieces(plan(planner, "BBC", "model")) == [("BBC", None)]
    assert pieces(plan(planner, "NASA", "model")) == [("NASA", "model")]
    assert pieces(plan(planner, "AT&T", "model")) == [("AT", None), ("AND", None), ("T", None)]
    assert pieces(plan(planner, "B-and-B", "model")) == [("B", None), ("AND", "model"), ("B", None)]


def test_a_lexicon_knows_acronyms_before_any_rule(planner):
    for word in ("BBC", "NASA", "FBI", "USA"):
        found = plan(planner, word)
        assert pieces(found) == [(word, "lexicon")]
        assert found.warnings == ()
        assert found.chance == 1
    found = plan(planner, "BVQ")
    assert pieces(found) == [("BVQ", None)]
    assert found.warnings == ("BVQ -> B V Q, letter by letter",)
    assert found.chance < 1


@pytest.mark.parametrize("source", ["auto", "lexicon"])
def test_parts_are_looked_up(planner, source):
    assert pieces(plan(planner, "42", source)) == [("FORTY", "lexicon"), ("TWO", "lexicon")]
    found = plan(planner, "mother-of-pearl", source)
    assert pieces(found) == [(part, "lexicon") for part in ("MOTHER", "OF", "PEARL")]
    assert found.normalized == "MOTHER-OF-PEARL"
    assert found.warnings == ("read in parts: mother, of, pearl",)


def test_what_somebody_wrote_down_is_not_read_in_parts(planner):
    assert pieces(plan(planner, "Tangerine-ish")) == [("TANGERINE-ISH", "user")]


def test_parts_that_no_lexicon_has(planner):
    assert pieces(plan(planner, "blorfy-42")) == [
        *[("BLORFY", "model"), ("FORTY", "lexicon"), ("TWO", "lexicon")]
    ]
    failed = plan(planner, "blorfy-42", "lexicon")
    assert failed.error.code == "not_in_lexicon"
    assert "no lexicon here has BLORFY:" in failed.error.message
    failed = plan(planner, "blorfy", "lexicon")
    assert "no lexicon here has this word:" in failed.error.message
    assert plan(planner, "日本", "lexicon").error.code == "not_in_lexicon"
    assert plan(planner, "日本").error.code == "unspellable"


@pytest.mark.parametrize("source", ["auto", "lexicon"])
@pytest.mark.parametrize(
    ("word", "stem", "kind", "spoken"),
    [
        ("zorvex's", "ZORVEX", "user", "Z AO1 R V Z"),
        ("violinist's", "VIOLINIST", "lexicon", "V AY0 AH0 L IH1 N AH0 S T S"),
        ("plumbers'", "PLUMBERS", "lexicon", "P L AH1 M ER0 Z"),
        ("glimmerers'", "GLIMMERER", "user", "G L IH1 M ER0 ER0 Z"),
    ],
)  # fmt: skip
def test_forms_of_known_words_are_made_by_rule(planner, source, word, stem, kind, spoken):
    found = plan(planner, word, source)
    (piece,) = found.pieces
    assert piece.source == kind
    assert " ".join(piece.listed[0]) == spoken
    assert found.warnings == (f"{word.upper()}: by rule, from {stem}",)
    # The network has its own idea of them
    assert pieces(plan(planner, word, "model")) == [(word.upper(), "model")]


def test_forms_of_words_that_nobody_knows(planner):
    assert pieces(plan(planner, "blorfy's")) == [("BLORFY'S", "model")]
    assert plan(planner, "blorfy's", "lexicon").error.code == "not_in_lexicon"


def test_a_form_within_other_parts(planner):
    found = plan(planner, "7-violinist's")
    assert pieces(found) == [("SEVEN", "lexicon"), ("VIOLINIST'S", "lexicon")]
    assert "VIOLINIST'S: by rule, from VIOLINIST" in found.warnings
