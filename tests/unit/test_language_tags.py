"""Language tags: their form, their case, and lookup with fallback."""

import pytest

from tanger.model import language_tags

TAGS = ("en-US", "en-GB", "de", "es", "es-419", "pt-BR", "zh-Hant-TW")


@pytest.mark.parametrize(("requested", "found"), [
    ("de", "de"),
    ("DE-at", "de"),
    ("de-CH-1996", "de"),
    ("en", "en-US"),  # the first of that language
    ("en-gb-oxendict", "en-GB"),
    ("en-NZ", "en-US"),
    ("es-ES", "es"),
    ("es-MX", "es-419"),  # by CLDR's parents, not by truncation
    ("es-419", "es-419"),
    ("pt", "pt-BR"),
    ("pt-PT", "pt-BR"),
    ("zh-Hant-TW-x-private", "zh-Hant-TW"),
    ("fr", None),
    ("d", None),
])  # fmt: skip
def test_lookup_falls_back(requested, found):
    assert language_tags.lookup(requested, TAGS) == found


def test_without_the_variant_its_parent_answers():
    assert language_tags.lookup("es-MX", ["en-US", "es"]) == "es"


def test_the_form_and_case_of_tags():
    for tag in ("de", "en-GB", "es-419", "zh-Hant-TW", "de-x-a"):
        assert language_tags.is_tag(tag)
        assert language_tags.canonical(tag.upper()) == tag
    for text in ("", "d", "de_AT", "de-", "*", "Deutsch!", "de\n", "de-" + "a-" * 20 + "b"):
        assert not language_tags.is_tag(text)
