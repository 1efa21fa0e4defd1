"""Long forms of Russian adjectives have the stress of the nominative."""

import pytest

from tanger.model.languages.russian import inflected

NOMINATIVES = {
    word: [tuple(way.split())]
    for word, way in {
        "северный": "sʲ ˈe vʲ ɪ r n ɨ j",
        "большой": "b ɐ lʲ ʂ ˈo j",
        "больший": "b ˈo lʲ ʂ ɨ j",
        "великий": "vʲ ɪ lʲ ˈi kʲ ɪ j",
        "дорогой": "d ə r ɐ ɡ ˈo j",
        "хороший": "x ɐ r ˈo ʂ ɨ j",
        "последний": "p ɐ sʲ lʲ ˈe dʲ nʲ ɪ j",
        "гений": "ɡʲ ˈe nʲ ɪ j",
    }.items()
}
# By frequency; of each adjective a feminine form and a genitive
WRITTEN = [
    *(
        "большой",
        "большая",
        "большого",
        "больший",
        "последняя",
        "последнего",
        "хорошая",
        "хорошего",
    ),
    *("великая", "великого", "дорогая", "дорогого", "северная", "северного", "северных"),
    *("больших", "большее", "великие", "дорогие", "хорошую", "последнюю", "севернее", "гением"),
]


@pytest.mark.parametrize(
    ("word", "way"),
    [
        ("северного", "sʲ ˈe vʲ ɪ r n ə v ə"),
        ("северных", "sʲ ˈe vʲ ɪ r n ɨ x"),
        ("большая", "b ɐ lʲ ʂ ˈa j ə"),  # of the more frequent adjective
        ("больших", "b ɐ lʲ ʂ ˈɨ x"),
        ("большее", "b ˈo lʲ ʂ ɨ j e"),
        ("великая", "vʲ ɪ lʲ ˈi k ə j ə"),
        ("великие", "vʲ ɪ lʲ ˈi kʲ ɪ j e"),
        ("дорогие", "d ə r ɐ ɡʲ ˈi j e"),
        ("хорошую", "x ɐ r ˈo ʂ ʊ j ʊ"),
        ("последнюю", "p ɐ sʲ lʲ ˈe dʲ nʲ ʉ j ʊ"),
    ],
)
def test_a_form_has_the_stress_of_the_nominative(word, way):
    assert inflected(NOMINATIVES, WRITTEN)[word] == [tuple(way.split())]


def test_comparatives_and_nouns_are_left_out():
    assert not {"севернее", "гением"} & inflected(NOMINATIVES, WRITTEN).keys()
