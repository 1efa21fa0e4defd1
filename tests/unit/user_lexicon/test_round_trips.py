"""What comes out of the user lexicon can go in again: in every format and alphabet."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tanger.model.lexicon import EntryError, Variant
from tanger.model.phonology import notation
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.phonology.stress import VOWELS
from tanger.service.lexicon_schemas import (
    EntryPronunciation,
    EntryRequest,
    EntryResponse,
    read_variant,
    written_variant,
)
from tanger.service.user_lexicon.store import UserLexicon
from tanger.service.user_lexicon.transfer import Import
from tests.support.lexicons import STREAMED

INVENTORY = Inventory(notation.ARPABET)
ALPHABETS = notation.available(notation.ARPABET)
SYMBOLS = sorted(INVENTORY.symbols - VOWELS)
STRESSED = [symbol for symbol in SYMBOLS if symbol[-1] in "12"]
# With stress somewhere: IPA and X-SAMPA do not tell unstressed words from unmarked ones
PHONEMES = st.builds(
    lambda symbols, stressed: (*symbols, stressed),
    st.lists(st.sampled_from(SYMBOLS), max_size=6),
    st.sampled_from(STRESSED),
)
LETTERS = st.text("abcxyzAÉß", min_size=1, max_size=5)
PHRASE = st.lists(LETTERS, min_size=1, max_size=3).map(" ".join)
PROBABILITY = st.floats(0, 1, exclude_min=True)
SENSE = st.none() | st.sampled_from(["noun", "read_past", "VV0 VVB"])


NOTHING = st.just(())


def built(*fields):
    """Variants of these fields; `st.builds` would draw the others, too."""
    return st.tuples(*fields).map(lambda drawn: Variant(*drawn))


def entries(word, *several):
    return st.lists(st.tuples(word, st.one_of(several)), max_size=6)


# What each format can hold; words of aliases are no words here, so that there are no circles
ALIAS = st.sampled_from(["world wide", "W & <C>"])
PLAIN = built(PHONEMES)
HELD = {
    "cmudict": entries(LETTERS, PLAIN),
    "kaldi": entries(LETTERS, PLAIN),
    "tsv": entries(PHRASE, PLAIN),
    "kaldip": entries(LETTERS, built(PHONEMES, st.tuples(PROBABILITY))),
    "mfa": entries(LETTERS, PLAIN, built(PHONEMES, st.lists(PROBABILITY, max_size=4).map(tuple))),
    "pls": entries(
        PHRASE,
        built(PHONEMES, NOTHING, SENSE),
        built(NOTHING, NOTHING, SENSE, ALIAS),
    ),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = UserLexicon(tmp_path_factory.mktemp("trips") / "words.db")
    yield store
    store.close()


def fill(store, several):
    taken = Import(store, "tsv", INVENTORY, longest=64)
    for number, (word, variant) in enumerate(several, start=1):
        taken.staged.add(variant.row(number, word))
    asyncio.run(store.take(taken.staged.rows, replace=True))
    taken.close()


def export(store, format, alphabet):
    with store.export(format, INVENTORY, alphabet) as file:
        return file.read()


def take(store, format, alphabet, content):
    taken = Import(store, format, INVENTORY, alphabet=alphabet, longest=64)
    taken.feed(content)
    taken.finish()
    asyncio.run(store.take(taken.staged.rows, replace=True))
    taken.close()


@pytest.mark.parametrize("format", STREAMED)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=20)  # it waits for the disk
@given(data=st.data())
def test_what_is_exported_is_imported_as_it_was(store, format, data):
    drawn = data.draw(HELD[format])
    alphabet = data.draw(st.sampled_from(ALPHABETS))
    fill(store, drawn)
    keys = {word.lower() for word, _ in drawn}
    before = store.find(keys)
    content = export(store, format, alphabet)
    take(store, format, alphabet, content)
    assert store.find(keys) == before
    assert export(store, format, alphabet) == content


@pytest.mark.parametrize("format", sorted(set(STREAMED) - {"pls"}))
def test_a_format_without_aliases_refuses_them(store, format):
    fill(store, [("ab", Variant((), alias="a b"))])
    with pytest.raises(EntryError, match="an alias, which pls alone can hold"):
        export(store, format, "arpabet")


@given(
    found=st.lists(
        built(PHONEMES, NOTHING | st.tuples(PROBABILITY), SENSE)
        | built(NOTHING, NOTHING, SENSE, st.text(min_size=1)),
        min_size=1,
        max_size=4,
    ),
    alphabet=st.sampled_from(ALPHABETS),
)
def test_what_is_answered_can_be_put_back(found, alphabet):
    items = tuple(written_variant(variant, INVENTORY, alphabet) for variant in found)
    answer = EntryResponse(word="ab", alphabet=alphabet, pronunciations=items)
    body = EntryRequest.model_validate_json(answer.model_dump_json(), strict=True)
    assert [read_variant(item, INVENTORY, body.alphabet) for item in body.pronunciations] == found
    plain = [variant for variant in found if not any(variant[1:])]
    assert sum(not isinstance(item, EntryPronunciation) for item in items) == len(plain)
