"""The page on a server of several languages."""

import os

import pytest
from playwright.sync_api import expect

from tanger.model.language_tags import Language
from tanger.model.phonology.vocabulary import Vocabulary
from tests.support.artifacts import random_artifact
from tests.support.browsing import bodies, expect_sounds, launched, requested, texts, visit
from tests.support.live_service import running
from tests.support.networks import STRONG

GERMAN = Language("de", "German", "CC-BY-SA-4.0")


@pytest.fixture(scope="module")
def browser():
    yield from launched()


@pytest.fixture(scope="module")
def service(browser, shipped_artifact, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    random_artifact(folder / "de", STRONG, language=GERMAN, phonemes=Vocabulary.of("abʃtŋɛklʁ"))
    (folder / "de" / "NOTICE").write_text("from a dictionary of nonsense")
    artifacts = os.pathsep.join(map(str, (shipped_artifact.with_name("en-us-fast"), folder / "de")))
    with running(folder / "log", artifacts=artifacts) as service:
        service.wait_until_ready()
        yield service


def test_another_language_is_chosen_and_remembered(browser, service):
    with visit(browser, service.url, "words=facade") as page:
        [english] = requested(service, "facade", stress=True)
        expect_sounds(page, texts(english)[0])
        page.get_by_label("Language").select_option("German")
        [german] = requested(service, "facade", language="de")
        expect_sounds(page, texts(german)[0])
        expect(page.locator("#alphabet label")).to_have_text(["Native", "IPA"])
        page.locator("#about summary").click()
        expect(page.locator("#about-text")).to_contain_text("from a dictionary of nonsense")
        expect(page.locator("#about-text")).to_contain_text("CC-BY-SA-4.0")
        address = page.evaluate("location.hash.slice(1)")
        assert "language=de" in address
        page.get_by_label("Language").select_option("American English")
        expect_sounds(page, texts(english)[0])
        assert "language" not in page.evaluate("location.hash")
    with visit(browser, service.url, address) as page:
        sent = bodies(page)
        expect_sounds(page, texts(german)[0])
        page.locator("#words").fill("bad")
        [other] = requested(service, "bad", language="de")
        expect_sounds(page, texts(other)[0])
        assert sent[-1]["language"] == "de"
