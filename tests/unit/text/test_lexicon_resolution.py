"""Resolution of words by aliases, senses and probabilities of real lexicon files."""

import asyncio

import pytest

from tanger.model.lexicon import Variant
from tanger.model.phonology import notation
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.lookup import WordLookup
from tanger.model.text.reader.token import SpokenWord
from tanger.model.text.reading import MAX_PARTS, WordReader
from tanger.model.text.resolution import Resolver
from tanger.model.text.segments import ReadWord
from tanger.model.text.senses import matches
from tanger.service.user_lexicon.store import UserLexicon
from tests.support.lexicons import pls

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ'"
LEXICON = pls(
    "<grapheme>W3C</grapheme><alias>World Wide Web Consortium</alias>",
    "<grapheme>TPAC</grapheme><alias>the W3C meeting</alias>",
    "<grapheme>blorf</grapheme><alias>42 zorvex</alias>",
    "<grapheme>lead</grapheme><phoneme>L IH1 D</phoneme><alias>never</alias>",
    "<grapheme>NY</grapheme><alias>New York</alias>",
    "<grapheme>New York</grapheme><phoneme>N UW1 Y AO2 R K</phoneme>",
)


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    user = UserLexicon(tmp_path_factory.mktemp("user") / "words.sqlite3")
    yield user
    user.close()


@pytest.fixture(scope="module")
def resolver(user, tmp_path_factory):
    path = tmp_path_factory.mktemp("lexicon") / "own.pls"
    path.write_text(LEXICON)
    inventory = Inventory(notation.ARPABET)
    reader = WordReader(LETTERS, notation.ARPABET)
    dictionaries = Dictionaries.read(inventory, files=[str(path)])
    return Resolver(reader, WordLookup(reader.speller, inventory, dictionaries, user))


def put(user, word, *variants):
    asyncio.run(user.put(word, variants))


def plan(resolver, word, source="auto"):
    (found,) = resolver.resolve([word], source)
    return found


def segments(found):
    return [(segment.text, segment.source) for segment in found.segments]


def test_an_alias_is_read_and_looked_up_in_place_of_its_word(resolver):
    found = plan(resolver, "W3C")
    assert found.normalized == "WORLD-WIDE-WEB-CONSORTIUM"
    assert segments(found) == [(text, "lexicon") for text in ("WORLD", "WIDE", "WEB", "CONSORTIUM")]
    assert found.warnings[0] == "W3C -> World Wide Web Consortium"
    assert plan(resolver, "W3C", "model").normalized != found.normalized
    # As a part of another word, and in an alias
    assert plan(resolver, "TPAC").normalized == "THE-WORLD-WIDE-WEB-CONSORTIUM-MEETING"
    assert segments(plan(resolver, "blorf"))[0] == ("FORTY", "lexicon")
    assert plan(resolver, "zorvex-blorf").normalized == "ZORVEX-FORTY-TWO-ZORVEX"


def test_what_no_lexicon_has_of_an_alias_is_the_networks_or_an_error(resolver):
    assert segments(plan(resolver, "blorf"))[2] == ("ZORVEX", "model")
    refused = plan(resolver, "blorf", "lexicon")
    assert refused.error.code == "not_in_lexicon"
    assert "ZORVEX" in refused.error.message


def test_an_alias_that_is_an_entry_as_a_whole_is_that(resolver):
    found = plan(resolver, "NY")
    assert found.segments[0].pronunciations == (("N", "UW1", "Y", "AO2", "R", "K"),)
    assert found.normalized == "NEW YORK"


def test_an_alias_counts_where_it_comes_first(resolver):
    found = plan(resolver, "lead")
    assert found.segments[0].pronunciations == (("L", "IH1", "D"),)


def test_a_circle_of_aliases_is_an_error_of_its_word_alone(resolver, user):
    put(user, "ouro", Variant((), alias="boros"))
    put(user, "boros", Variant((), alias="the ouro"))
    for word, way in (("ouro", "ouro -> boros -> OURO"), ("boros", "boros -> OURO -> boros")):
        found = plan(resolver, word)
        assert found.error.code == "alias_cycle"
        assert way in found.error.message
    assert plan(resolver, "the-ouro").error.code == "alias_cycle"
    assert resolver.alias_fault("boros", "an ouro") is not None
    assert resolver.alias_fault("boros", "a snake") is None


def test_aliases_of_aliases_do_not_grow_without_end(resolver, user):
    for number in range(8):
        following = chr(ord("a") + number + 1) * 5
        put(user, chr(ord("a") + number) * 5, Variant((), alias=" ".join([following] * 9)))
    found = plan(resolver, "aaaaa")
    assert found.error.code == "too_long"
    assert f"more than {MAX_PARTS} words" in found.error.message


def test_a_long_chain_of_aliases_is_an_error_of_its_word(resolver, user):
    def name(number):
        return f"w{'abcdefghijklmnopqrstuvwxyz'[number // 26]}{chr(ord('a') + number % 26)}q"

    for number in range(2 * MAX_PARTS):
        put(user, name(number), Variant((), alias=name(number + 1)))
    assert plan(resolver, name(0)).error.code == "too_long"
    assert plan(resolver, name(2 * MAX_PARTS - 20)).error is None


def test_variants_come_by_probability_and_tell_it(resolver, user):
    put(user, "tomato", Variant(("T", "AH0"), (0.25,)), Variant(("T", "OW1"), (0.75,)))
    (segment,) = plan(resolver, "tomato").segments
    assert segment.pronunciations == (("T", "OW1"), ("T", "AH0"))
    assert segment.probabilities == (0.75, 0.25)
    assert plan(resolver, "tanger").segments[0].probabilities == ()


# Phrases


def test_a_phrase_is_found_in_a_longer_one(resolver, user):
    found = plan(resolver, "I love New  York, and NY")
    assert found.normalized == "I-LOVE-NEW YORK-AND-NEW YORK"
    assert [segment.text for segment in found.segments][2::2] == ["NEW YORK", "NEW YORK"]
    assert found.segments[2].pronunciations == (("N", "UW1", "Y", "AO2", "R", "K"),)
    assert plan(resolver, "I love New York", "model").normalized == "I-LOVE-NEW-YORK"
    (possessive,) = plan(resolver, "New York's").segments
    assert possessive.pronunciations == (("N", "UW1", "Y", "AO2", "R", "K", "S"),)
    put(user, "love New York", Variant(("L", "AH1", "V")))
    assert plan(resolver, "I love New York").normalized == "I-LOVE NEW YORK"
    asyncio.run(user.delete("love New York"))
    assert plan(resolver, "I love New York").normalized == "I-LOVE-NEW YORK"


def test_a_text_has_its_phrases_at_their_places(resolver):
    text = "The W3C is in NY, not New York City."
    (tokens,) = resolver.sentences(text, phrases=resolver.phrases("auto"))
    assert "".join(token.text for token in tokens) == text
    assert [token.text for token in tokens if token.words and token.words[0].entry] == [
        "W3C", "New York"
    ]  # fmt: skip
    words = [ReadWord.of(token.words[0], token) for token in tokens if token.words]
    found = resolver.resolve_read(words, "auto")
    assert " ".join(each.normalized for each in found) == (
        "THE WORLD-WIDE-WEB-CONSORTIUM IS IN NEW YORK NOT NEW YORK CITY"
    )
    assert resolver.phrases("model") is None


def test_a_phrase_of_other_phonemes_is_an_error_that_tells_it(resolver, user):
    put(user, "x 9", Variant(("QQ",)))
    found = plan(resolver, "my x 9")
    assert found.error.code == "unspellable"
    assert "does not fit this artifact: QQ" in found.error.message
    asyncio.run(user.delete("x 9"))


# Senses

PRESENT, PAST, ANY = ("R", "IY1", "D"), ("R", "EH1", "D"), ("R", "AE1", "D")


@pytest.mark.parametrize(
    ("variants", "present", "past", "unknown"),
    [
        ([Variant(ANY)], ANY, ANY, ANY),
        ([Variant(ANY, sense="read_past")], PRESENT, ANY, ANY),
        ([Variant(ANY, sense="past"), Variant(PAST)], PAST, ANY, ANY),
        ([Variant(PAST), Variant(ANY, sense="read_present VBD")], ANY, PAST, PAST),
    ],
)
def test_a_variant_of_a_sense_is_for_that_sense(resolver, user, variants, present, past, unknown):
    put(user, "read", *variants)
    for sense, phonemes, expected in (
        ("read_present", PRESENT, present),
        ("read_past", PAST, past),
        (None, None, unknown),
    ):
        word = ReadWord(SpokenWord("read", phonemes=phonemes, sense=sense), by_rule=False)
        (found,) = resolver.resolve_read([word], "auto")
        assert found.segments[0].pronunciations[0] == expected


@pytest.mark.parametrize(
    ("label", "sense", "of_it"),
    [
        ("noun", "object_nou", True),
        ("NN", "object_nou", True),
        ("VVI", "object_vrb", True),
        ("adjective verb", "object_vrb", True),
        ("noun", "abstract_adj-nou", True),
        ("JJ", "abstract_adj-nou", True),
        ("READ_past", "read_past", True),
        ("verb", "object_nou", False),
        ("present", "read_past", False),
        ("ship", "bow_nou-ship", True),
    ],
)
def test_labels_of_senses(label, sense, of_it):
    assert matches(label, sense) is of_it
