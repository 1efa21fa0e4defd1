import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tanger.model import lexicon
from tanger.model.lexicon import Variant
from tanger.model.lexicon.index import (
    Found,
    IndexedLexicon,
    format_variant,
    lexicon_key,
    parse_variant,
)
from tests.support.lexicons import SYMBOL


def look_up(entries, word):
    return IndexedLexicon(entries).get(word, lexicon_key(word))


def test_variants_keep_their_order_and_come_once():
    entries = [("read", "R EH D"), ("a", "AH"), ("read", "R IY D"), ("read", "R EH D")]
    found = look_up(entries, "read")
    assert found == Found(("read",), (Variant(("R", "EH", "D")), Variant(("R", "IY", "D"))))
    assert look_up(entries, "reads") is None
    assert len(IndexedLexicon(entries)) == 2


@pytest.mark.parametrize("word", ["tanger", "Tanger", "TANGER"])
@pytest.mark.parametrize("spelt", ["tanger", "TANGER", "Tanger", "tAnger"])
def test_case_does_not_count(spelt, word):
    for others in ([], [("other", "AH")], [("OTHER", "AH")]):
        found = look_up([*others, (spelt, "T AE NG ER")], word)
        assert found == Found((spelt,), (Variant(("T", "AE", "NG", "ER")),))


def test_case_counts_where_it_is_all_that_differs():
    entries = [("polish", "P AA L IH SH"), ("Polish", "P OW L IH SH"), ("polish", "P AO L IH SH")]
    assert look_up(entries, "Polish") == Found(
        ("Polish",), (Variant(tuple("P OW L IH SH".split())),)
    )
    assert len(look_up(entries, "polish").pronunciations) == 2
    both = look_up(entries, "POLISH")
    assert both.spellings == ("polish", "Polish")
    assert [p[1] for p in both.pronunciations] == ["AA", "OW", "AO"]


def test_any_script():
    entries = [("maße", "m aː s ə"), ("masse", "m a s ə"), ("слово", "s l o v o"), ("n’t", "n t")]
    assert look_up(entries, "Maße").pronunciations == (("m", "aː", "s", "ə"),)
    assert look_up(entries, "MASSE").pronunciations == (("m", "a", "s", "ə"),)
    assert look_up(entries, "Слово").spellings == ("слово",)
    assert look_up(entries, "n't").spellings == ("n’t",)


VARIANTS = st.builds(
    Variant,
    st.lists(SYMBOL, max_size=3).map(tuple),
    st.lists(st.floats(0, 1, exclude_min=True), max_size=4).map(tuple),
    st.none() | st.text(min_size=1),
    st.none() | st.text(min_size=1),
)


@given(variant=VARIANTS)
def test_a_variant_is_one_line_and_back(variant):
    line = format_variant(variant)
    assert "\n" not in line
    assert parse_variant(line) == variant


def test_variants_are_in_the_order_of_their_probabilities():
    variants = [
        Variant(("R", "IY", "D"), (0.25,), "verb"),
        Variant(("R", "EH", "D")),
        Variant(("R", "AE", "D"), (0.5,)),
    ]
    found = look_up([("Read", format_variant(each)) for each in variants], "read")
    assert found.spellings == ("Read",)
    assert found.variants == (variants[1], variants[2], variants[0])


def test_an_empty_one():
    assert look_up([], "a") is None


def test_lines_known_to_be_well_formed_read_as_all_others_do(tmp_path):
    text = "'bout B AW1 T\na AH0\na(2) EY1\naalborg AO1 L B # place, danish\nc(12) S IY1 # x\n"
    (tmp_path / "x.dict").write_text(text)
    read = [(entry.word, " ".join(entry.phonemes)) for entry in lexicon.read(tmp_path / "x.dict")]
    assert list(lexicon.cmudict_pairs(io.StringIO(text))) == read
