"""Dutch forms are pronounced as their stems and endings are."""

import pytest

from tanger.model.languages.dutch import inflected

STEMS = {
    word: [tuple(way.split())]
    for word, way in {
        "groot": "x r ˈoː t", "hoog": "h ˈoː x", "dik": "d ˈɪ k", "lief": "l ˈiː f",
        "mooi": "m ˈoː j", "zeker": "z ˈeː k ə r", "grot": "x r ˈɔ t", "huis": "h ˈœy s",
        "zwaar": "z ʋ ˈaː r", "vriendin": "v r iː n d ˈɪ n", "belgisch": "b ˈɛ l ɣ iː s",
        "maken": "m ˈaː k ə", "vinden": "v ˈɪ n d ə", "leven": "l ˈeː v ə", "zetten": "z ˈɛ t ə",
        "betekenen": "b ə t ˈeː k ə n ə", "komen": "k ˈoː m ə", "bevestigd": "b ə v ˈɛ s t ə x t",
        "sociaal": "s oː ʃ ˈaː l", "foto": "f ˈoː t oː", "race": "r ˈeː s", "dag": "d ˈɑ x",
        "goed": "x ˈuː t",
    }.items()
}  # fmt: skip


@pytest.mark.parametrize(
    ("word", "way"),
    [
        ("grote", "x r ˈoː t ə"),
        ("grootste", "x r ˈoː t s t ə"),
        ("hoge", "h ˈoː ɣ ə"),
        ("dikke", "d ˈɪ k ə"),
        ("lieve", "l ˈiː v ə"),
        ("goede", "x ˈuː d ə"),
        ("mooie", "m ˈoː j ə"),
        ("mooier", "m ˈoː j ə r"),
        ("zekere", "z ˈeː k ə r ə"),
        ("huizen", "h ˈœy z ə"),
        ("zwaarder", "z ʋ ˈaː r d ə r"),
        ("vriendinnen", "v r iː n d ˈɪ n ə"),
        ("belgische", "b ˈɛ l ɣ iː s ə"),
        ("sociale", "s oː ʃ ˈaː l ə"),
        ("bevestigde", "b ə v ˈɛ s t ə ɣ d ə"),
        ("maakt", "m ˈaː k t"),
        ("maakte", "m ˈaː k t ə"),
        ("gemaakt", "x ə m ˈaː k t"),
        ("vindt", "v ˈɪ n t"),
        ("leeft", "l ˈeː f t"),
        ("leefde", "l ˈeː v d ə"),
        ("zet", "z ˈɛ t"),
        ("zette", "z ˈɛ t ə"),
        ("betekent", "b ə t ˈeː k ə n t"),
        ("foto's", "f ˈoː t oː s"),
    ],
)
def test_a_form_has_the_sounds_of_its_stem(word, way):
    assert inflected(STEMS, [word]) == {word: [tuple(way.split())]}


def test_a_form_of_a_form_is_one():
    found = inflected(STEMS, ["hogere", "hoger"])
    assert found["hogere"] == [("h", "ˈoː", "ɣ", "ə", "r", "ə")]


@pytest.mark.parametrize("word", ["dagen", "races", "e", "huis", "wandelde", "komt"])
def test_what_the_rules_do_not_know_is_left_out(word):
    assert inflected(STEMS, [word]) == {}
