"""Resolution of expanded words with real lexicons: CMUdict and user lexicons."""

import asyncio

import pytest

from tanger.model.lexicon import Variant
from tanger.model.phonology import notation
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.phonology.stress import strip
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.lookup import WordLookup
from tanger.model.text.reading import WordReader
from tanger.model.text.resolution import Resolver
from tanger.service.user_lexicon.store import UserLexicon

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ'"


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    user = UserLexicon(tmp_path_factory.mktemp("user") / "words.sqlite3")
    asyncio.run(user.put("tangerine-ish", [Variant(("T", "AE1", "NG"))]))
    asyncio.run(user.put("zorvex", [Variant(("Z", "AO1", "R", "V"))]))
    asyncio.run(user.put("glimmerer", [Variant(("G", "L", "IH1", "M", "ER0", "ER0"))]))
    yield user
    user.close()


@pytest.fixture(scope="module")
def resolver(user):
    inventory = Inventory(notation.ARPABET)
    reader = WordReader(LETTERS, notation.ARPABET)
    dictionaries = Dictionaries.read(inventory)
    return Resolver(reader, WordLookup(reader.speller, inventory, dictionaries, user))


def plan(resolver, word, source="auto"):
    (found,) = resolver.resolve([word], source)
    assert found.word == word
    assert (found.error is None) == bool(found.segments)
    return found


def segments(found):
    return [(piece.text, piece.source) for piece in found.segments]


def test_the_network_alone_is_requested_words_and_rules_for_letters(resolver):
    assert segments(plan(resolver, "BBC", "model")) == [("BBC", "rule")]
    assert segments(plan(resolver, "NASA", "model")) == [("NASA", "model")]
    assert segments(plan(resolver, "AT&T", "model")) == [
        (part, "rule") for part in ("AT", "AND", "T")
    ]
    assert segments(plan(resolver, "B-and-B", "model")) == [
        ("B", "rule"),
        ("AND", "model"),
        ("B", "rule"),
    ]


def test_a_lexicon_knows_acronyms_before_any_rule(resolver):
    for word in ("BBC", "NASA", "FBI", "USA"):
        found = plan(resolver, word)
        assert segments(found) == [(word, "lexicon")]
        assert found.warnings == ()
        assert found.probability == 1
    found = plan(resolver, "BVQ")
    assert segments(found) == [("BVQ", "rule")]
    assert found.warnings == ("BVQ -> B V Q, letter by letter",)
    assert found.probability < 1


@pytest.mark.parametrize("source", ["auto", "lexicon"])
def test_parts_are_looked_up(resolver, source):
    assert segments(plan(resolver, "42", source)) == [("FORTY", "lexicon"), ("TWO", "lexicon")]
    found = plan(resolver, "mother-of-pearl", source)
    assert segments(found) == [(part, "lexicon") for part in ("MOTHER", "OF", "PEARL")]
    assert found.normalized == "MOTHER-OF-PEARL"
    assert found.warnings == ("read in parts: mother, of, pearl",)


def test_what_somebody_wrote_down_is_not_read_in_parts(resolver):
    assert segments(plan(resolver, "Tangerine-ish")) == [("TANGERINE-ISH", "user")]


def test_parts_that_no_lexicon_has(resolver):
    assert segments(plan(resolver, "blorfy-42")) == [
        *[("BLORFY", "model"), ("FORTY", "lexicon"), ("TWO", "lexicon")]
    ]
    failed = plan(resolver, "blorfy-42", "lexicon")
    assert failed.error.code == "not_in_lexicon"
    assert "no lexicon here has BLORFY:" in failed.error.message
    failed = plan(resolver, "blorfy", "lexicon")
    assert "no lexicon here has this word:" in failed.error.message
    assert plan(resolver, "日本", "lexicon").error.code == "not_in_lexicon"
    assert plan(resolver, "日本").error.code == "unspellable"


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
def test_forms_of_known_words_are_made_by_rule(resolver, source, word, stem, kind, spoken):
    found = plan(resolver, word, source)
    (piece,) = found.segments
    assert piece.source == kind
    assert " ".join(piece.pronunciations[0]) == spoken
    assert found.warnings == (f"{word.upper()}: by rule, from {stem}",)
    # With source model, the network pronounces them
    assert segments(plan(resolver, word, "model")) == [(word.upper(), "model")]


def test_forms_of_words_that_nobody_knows(resolver):
    assert segments(plan(resolver, "blorfy's")) == [("BLORFY'S", "model")]
    assert plan(resolver, "blorfy's", "lexicon").error.code == "not_in_lexicon"


def test_a_form_within_other_parts(resolver):
    found = plan(resolver, "7-violinist's")
    assert segments(found) == [("SEVEN", "lexicon"), ("VIOLINIST'S", "lexicon")]
    assert "VIOLINIST'S: by rule, from VIOLINIST" in found.warnings


# Homographs


@pytest.mark.parametrize(
    ("typed", "place", "sense", "phonemes"),
    [
        ("wind the clock", 0, "wind_vrb", "W AY1 N D"),
        ("a cold wind", 2, "wind_nou", "W IH1 N D"),
        ("We live here.", 1, "live_vrb", "L IH1 V"),
        ("a live concert", 1, "live_adj", "L AY1 V"),
        ("They object to it", 1, "object_vrb", "AH0 B JH EH1 K T"),
    ],
)
@pytest.mark.parametrize("source", ["model", "auto"])
def test_context_decides_homographs_of_several_words(
    resolver, typed, place, sense, phonemes, source
):
    found = plan(resolver, typed, source)
    segment = found.segments[place]
    first, *others = segment.pronunciations
    assert strip(first) == strip(tuple(phonemes.split()))
    assert others, "the other senses are told, too"
    assert list(segment.probabilities) == sorted(segment.probabilities, reverse=True)
    assert sum(segment.probabilities) == pytest.approx(1, abs=0.01)
    assert any(warning.endswith(f"sense {sense} by context") for warning in found.warnings)


def test_a_homograph_alone_and_one_in_hyphens_have_no_context(resolver):
    for typed in ("wind", "Wind!", "wind-up"):
        found = plan(resolver, typed)
        assert not any("by context" in warning for warning in found.warnings)
        assert not any(segment.probabilities for segment in found.segments)


def test_an_own_entry_comes_before_the_context(resolver, user):
    asyncio.run(user.put("tear", [Variant(("T", "AA1")), Variant(("T", "UW1"), sense="noun")]))
    try:
        verb, noun = plan(resolver, "Do not tear it"), plan(resolver, "a single tear rolled down")
        assert verb.segments[2].pronunciations == (("T", "AA1"),)
        assert noun.segments[2].pronunciations == (("T", "UW1"),)
    finally:
        asyncio.run(user.delete("tear"))


def test_a_stress_of_the_sense_is_that_of_the_variant(resolver):
    noun, verb = plan(resolver, "the permit was issued"), plan(resolver, "they will permit it")
    assert noun.segments[1].pronunciations[0] == ("P", "ER1", "M", "IH2", "T")
    assert verb.segments[2].pronunciations[0] == ("P", "ER0", "M", "IH1", "T")
