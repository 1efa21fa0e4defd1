"""Dictionaries of a language are combined and split; each entry is kept or counted."""

from dataclasses import replace

import pytest

from tanger.model.english.folds import fold
from tanger.model.languages import definition, sources, splits
from tanger.model.output_files import EditionError

LINES = """casa\t[ˈka.sa]
casa\t/ˈkasa/
casa\t/ˈkaθa/
caza\t/ˈkasa/
caza\t/ˈkaθa/
Casas\t/ˈkasas/
buenos días\t/ˈbwenos ˈdias/
ONU\t/ˈonu/
nada\t/nada/
parking\t/parkin/
calle\t/ˈkaʃe/
"""


@pytest.fixture
def spanish(tmp_path):
    (tmp_path / "es.tsv").write_text(LINES, "utf-8")
    (tmp_path / "es-wikipron.tsv").touch()
    language = replace(definition.load("es"), given={})
    return sources.read(language, tmp_path, verify=False)


def test_words_are_cleaned_and_what_is_thrown_away_is_counted(spanish):
    assert spanish.words == {
        "casa": [("k", "ˈa", "s", "a")],  # two votes, and no letter of θ
        "caza": [("k", "ˈa", "θ", "a")],
        "casas": [("k", "ˈa", "s", "a", "s")],
        "nada": [("n", "ˈa", "d", "a")],
    }
    counts = spanish.counts
    assert counts["es.tsv: lines"] == 11
    assert counts["es.tsv: of another accent or form"] == 2
    assert counts["es.tsv: an abbreviation"] == 1
    assert counts["es.tsv: a word of other characters"] == 1
    assert counts["es.tsv: a symbol that the language does not have"] == 1
    assert counts["pronunciation refused: no primary stress"] == 1


def test_spanish_stress_and_voice_follow_from_the_spelling(tmp_path):
    (tmp_path / "es.tsv").write_text(
        "cremarán\tkɾeˈma.ɾan\nbarrio\tˈba.rjo\nmárketing\tˈmaɾ.ke.tin\nsincero\tθinˈθe.ɾo\n"
        "parking\tˈpaɾ.kin\ntécnico\tˈteɣ.ni.ko\ncanción\tkanˈθjon\n",
        "utf-8",
    )
    (tmp_path / "es-wikipron.tsv").write_text(
        "danza\td a n θ a\ndanzadora\td a n θ a d o ɾ a\nlínea\tl i n e a\npaís\tp a i s\n"
        "promo\tp ɾ o m o\npromover\tp ɾ o m o b e ɾ\n"
        "fácilmente\tf a θ i l m e n t e\nusad\tu s a d\naveriguáis\ta b e ɾ i ɡ w a i s\n",
        "utf-8",
    )
    words = sources.read(definition.load("es"), tmp_path, verify=False).words
    assert {word: " ".join(ways[0]) for word, ways in words.items()}.items() >= {
        "cremarán": "k ɾ e m a ɾ ˈa n",
        "barrio": "b ˈa r j o",
        "parking": "p ˈa ɾ k i n",
        "técnico": "t ˈe k n i k o",
        "canción": "k a n θ j ˈo n",
        "cancion": "k a n θ j ˈo n",
        "danzadora": "d a n θ a d ˈo ɾ a",
        "línea": "l ˈi n e a",
        "fácilmente": "f a θ i l m ˈe n t e",
        "usad": "u s ˈa d",
        "averiguáis": "a b e ɾ i ɡ w ˈa j s",
    }.items()  # fmt: skip
    # The spelling does not tell the stress of words in -er, which may be foreign
    assert not {"sincero", "país", "promover"} & words.keys()


def test_italian_entries_with_the_sounds_of_another_form_are_refused(tmp_path):
    (tmp_path / "it.tsv").write_text(
        "soluzioni\t/solutˈtsjone/\ntrasporrà\t/porˈra/\nannoverare\t/anno/\nquesto\t/ˈkwesto/\n",
        "utf-8",
    )
    found = sources.read(definition.load("it"), tmp_path, verify=False)
    assert found.words["questo"] == [("k", "w", "ˈe", "s", "t", "o")]
    assert not {"soluzioni", "trasporrà", "annoverare"} & found.words.keys()
    assert found.counts["it.tsv: of another accent or form"] == 3


def test_italian_stress_follows_from_the_spelling(tmp_path):
    (tmp_path / "it.tsv").write_text(
        "cantra\t/kanˈtra/\ncittà\t/t͡ʃitˈta/\nsaranno\t/ˈsaranno/\npotranno\t/ˈpɔtranno/\n"
        "danno\t/ˈdanno/\n",
        "utf-8",
    )
    found = sources.read(definition.load("it"), tmp_path, verify=False)
    assert "cantra" not in found.words  # the last vowel has the stress where it has an accent
    assert found.words["città"] == [("t͡ʃ", "i", "t", "t", "ˈa")]
    assert found.words["saranno"] == [("s", "a", "r", "ˈa", "n", "n", "o")]
    assert found.words["potranno"] == [("p", "o", "t", "r", "ˈa", "n", "n", "o")]
    assert found.words["danno"] == [("d", "ˈa", "n", "n", "o")]


def test_parts_of_words_are_no_pronunciations_of_them(tmp_path):
    (tmp_path / "de.tsv").write_text(
        "Kalifornien\tkaliˈfɔʁni̯ən\nKalifornien\tˈfɔː\nauch\taʊ̯x\nauch\taʊ̯\n", "utf-8"
    )
    found = sources.read(definition.load("de"), tmp_path, verify=False)
    assert ["".join(way) for way in found.words["kalifornien"]] == ["kalifˈɔʁni̯ən"]
    assert len(found.words["auch"]) == 2  # short words have short forms
    assert found.counts["pronunciation refused: a part of the word"] == 1


def test_of_several_pronunciations_the_preferred_one_comes_first(tmp_path):
    (tmp_path / "fr.tsv").write_text("je\tʃ\nje\tʒə\nje\tʒ\n", "utf-8")
    found = sources.read(definition.load("fr"), tmp_path, verify=False)
    assert found.words["je"][0] == ("ʒ", "ə")


def test_another_edition_is_refused(tmp_path):
    (tmp_path / "es.tsv").write_text(LINES, "utf-8")
    with pytest.raises(EditionError, match="another edition") as raised:
        sources.read(definition.load("es"), tmp_path)
    assert raised.value.path == tmp_path / "es.tsv"


def test_folds_are_disjoint_and_frequent_words_are_trained_on():
    syllables = [c + v for c in "bdfgklmnpst" for v in "aeiou"]
    words = {one + two: [(one[0], f"ˈ{one[1]}", *two)] for one in syllables for two in syllables}
    language = replace(definition.load("es"), repeats=((2, 3),))
    frequent = ["bada", "tutu", "zzz"]
    found = splits.split(words, language, frequent)
    train, dev, test = (
        {entry.word for entry in part} for part in (found.train, found.dev, found.test)
    )
    assert not train & dev
    assert not train & test
    assert {"bada", "tutu"} <= train
    assert all(fold(word, {"BADA", "TUTU"}) == "test" for word in test)
    assert [entry.word for entry in found.train].count("tutu") == 3
    assert [entry.word for entry in found.frequent] == ["bada", "tutu"]
    assert sum(found.fold_sizes.values()) == len(words)
    few = splits.split(words, language, frequent, count=100)
    assert len({entry.word for entry in few.train}) == 100
    assert {entry.word for entry in few.test} <= test  # nothing moves between folds


def test_entries_of_another_convention_are_replaced_by_equivalent_answers(tmp_path):
    (tmp_path / "sv-ipa-dict.tsv").write_text("dag\t/²dɑːɡ/\n", "utf-8")
    (tmp_path / "sv-mfa.dict").write_text("dag\td a ɡ\nväg\tv ɛ ɡ\nbil\tb a l\n", "utf-8")
    answers = {"väg": ["ʋ a ɡ", "ʋ ɛː ɡ", "ʋ ɛ ɡ"], "bil": ["b iː l"]}

    def candidates(words):
        return [[tuple(answer.split()) for answer in answers[word]] for word in words]

    language = replace(definition.load("sv"), given={})
    found = sources.read(language, tmp_path, candidates=candidates, verify=False)
    assert found.words == {"dag": [("d", "ɑː", "ɡ")], "väg": [("ʋ", "ɛː", "ɡ")]}
    assert found.equivalent == {"väg"}
    assert found.counts["entry refused: no answer is equivalent"] == 1
    assert sources.read(language, tmp_path, verify=False).words.keys() == {"dag"}
    held_out = {word: [("d",)] for word in ("tax", "vax", "lax", "sax", "fax", "rax", "wax")}
    split = splits.split(held_out, language, (), unmeasured=held_out)
    assert not split.test
    assert not split.dev
    trained = {word for word in held_out if fold(word, ()) == "train"}
    assert {entry.word for entry in split.train} == trained != set(held_out)


def test_russian_letters_without_dots_and_words_without_vowels(tmp_path):
    (tmp_path / "ru.tsv").write_text(
        "ещё\t[(j)ɪˈɕːɵ]\nещё\t/ji'ʃʲo/\nчто\tʂtə\nв\t[ˈvolʲt]\nелка\t[ˈjeɫkə]\nёлка\t[ˈjɵɫkə]\n",
        "utf-8",
    )
    found = sources.read(definition.load("ru"), tmp_path, verify=False)
    more = ("j", "ɪ", "ɕː", "ˈɵ")
    assert found.words["ещё"] == [more]
    assert found.words["еще"] == [more]  # as most texts spell it
    assert found.words["елка"] == [("j", "ˈe", "ɫ", "k", "ə")]  # a word of its own
    assert found.words["в"] == [("v",)]
    assert "что" not in found.words
    assert found.counts["ru.tsv: without delimiters"] == 1


def test_portuguese_stress_follows_from_the_spelling(tmp_path):
    (tmp_path / "pt-br-ipa-dict.tsv").write_text("casas\t/ˈka.zəs/\nporta\t/ˈpox.tə/\n", "utf-8")
    (tmp_path / "pt-br-wikipron2022.tsv").write_text(
        "casaco\tk a z a k u\nfutebol\tf u t͡ʃ i b ɔ w\npolítica\tp o l i t͡ʃ i k a\n", "utf-8"
    )
    words = sources.read(definition.load("pt-br"), tmp_path, verify=False).words
    assert words["casas"] == [("k", "ˈa", "z", "ɐ", "s")]
    assert words["casaco"] == [("k", "a", "z", "ˈa", "k", "u")]
    assert words["futebol"] == [tuple("f u t͡ʃ i b ˈɔ w".split())]
    assert words["política"] == [tuple("p o l ˈi t͡ʃ i k ɐ".split())]
    assert words["porta"] == [("p", "ˈɔ", "ʁ", "t", "ɐ")]  # what the definition gives
