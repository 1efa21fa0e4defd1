"""The tab for texts: tokens by kind, senses, corrections, and the address that remembers."""

from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest
from playwright.sync_api import expect

from tests.support.browsing import launched, visit
from tests.support.live_service import running

KEY = "key-of-those-who-may-correct"
TEXT = "Dr. Jones read 3 books 🍷 & 日本, in 1984 on **rosé**."


@pytest.fixture(scope="module")
def browser():
    yield from launched()


@pytest.fixture(scope="module")
def service(browser, shipped_artifact, tmp_path_factory):
    log = tmp_path_factory.mktemp("page") / "log"
    with running(log, artifact=shipped_artifact) as service:
        service.wait_until_ready()
        yield service


def answered(service, text, **options):
    """A text, as a program gets it."""
    body = {"text": text, "stress": True, **options}
    return httpx.post(f"{service.url}/text", json=body).raise_for_status().json()


def shown(page, title):
    return page.get_by_role("region", name=title, exact=True).locator("p")


def token(page, text):
    return page.locator(".tokens").get_by_role("button", name=text, exact=True)


def test_a_text_is_shown_by_kind_as_it_is_read(browser, service):
    with visit(browser, service.url) as page:
        page.get_by_role("tab", name="A text").click()
        expect(page.locator("#text-result .examples button")).to_have_count(3)
        page.get_by_label("Type or paste a text").fill(TEXT)
        answer = answered(service, TEXT)
        expect(shown(page, "Spoken")).to_have_text(answer["spoken"])
        expect(shown(page, "Pronunciation")).to_have_text(answer["pronunciation"])
        # Nothing of the text is lost among the buttons
        assert page.locator(".tokens").text_content() == TEXT
        kinds = {
            each["text"]: page.locator("button.token", has_text=each["text"]).first
            for each in answer["tokens"]
            if each["kind"] not in ("space", "punctuation")
        }
        for each in answer["tokens"]:
            if each["text"] in kinds:
                title = kinds[each["text"]].get_attribute("title")
                assert title.startswith(f"{each['kind']}:"), title
        assert "doctor" in token(page, "Dr.").get_attribute("title")
        legend = page.get_by_role("list", name="Legend").get_by_role("listitem")
        assert legend.all_text_contents() == [
            "abbreviation", "number", "emoji", "sign", "year", "markup", "several senses",
            "by the model", "not pronounced",
        ]  # fmt: skip
        warnings = page.locator("#text-result").get_by_role("list", name="Warnings")
        assert warnings.get_by_role("listitem").all_text_contents() == answer["warnings"]
        assert "日 (CJK" in page.locator("#text-result .note.bad").text_content()


def test_colours_tell_kinds_apart_and_words_have_none(browser, service):
    with visit(
        browser, service.url, f"tab=text&text={quote('St. John paid $5 in 1999 at 5:00')}"
    ) as page:
        token(page, "$5").wait_for()
        colour = "e => getComputedStyle(e).backgroundColor"
        seen = [token(page, text).evaluate(colour) for text in ("St.", "$5", "1999", "5:00")]
        assert len({*seen, token(page, "John").evaluate(colour)}) == 5


def test_a_switch_makes_the_text_a_document_of_ssml(browser, service):
    document = '<speak>A <sub alias="tea">T</sub> at <w>3:00</w></speak>'
    with visit(browser, service.url, f"tab=text&text={quote(document)}", refused=("422",)) as page:
        expect(shown(page, "Spoken")).to_have_text("A T at three o'clock")  # tags are skipped
        switch = page.get_by_role("switch", name="The text is SSML")
        expect(switch).not_to_be_checked()
        switch.check()
        answer = answered(service, document, ssml=True)
        assert answer["spoken"] == "a tea at three o'clock"
        expect(shown(page, "Spoken")).to_have_text(answer["spoken"])
        expect(shown(page, "Pronunciation")).to_have_text(answer["pronunciation"])
        assert page.locator(".tokens").text_content() == document
        assert parse_qs(urlsplit(page.url).fragment)["ssml"] == ["1"]
        page.reload()
        expect(switch).to_be_checked()
        expect(shown(page, "Spoken")).to_have_text(answer["spoken"])
        switch.uncheck()
        expect(shown(page, "Spoken")).to_have_text("A T at three o'clock")


def test_all_senses_of_a_homograph_the_chosen_one_first(browser, service):
    text = "Yesterday she read the book."
    with visit(browser, service.url, f"tab=text&alphabet=ipa&text={quote(text)}") as page:
        token(page, "read").click()
        [word] = next(
            each["words"]
            for each in answered(service, text, alphabet="ipa")["tokens"]
            if each["text"] == "read"
        )
        rows = page.get_by_role("list", name="Senses of read").get_by_role("listitem")
        expect(rows).to_have_count(2)
        first, second = rows.all_text_contents()
        assert first.startswith("read past")
        assert word["text"] in first
        assert "chosen" in first
        [other] = word["sense"]["alternatives"]
        assert second.startswith("read present")
        assert other["text"] in second
        # Without keys nothing can be corrected
        assert not page.get_by_role("button", name="Correct").count()
        token(page, "read").click()
        expect(page.get_by_role("region", name="The chosen piece")).to_be_hidden()


def test_what_was_skipped_or_cannot_be_pronounced_is_reported(browser, service):
    with visit(browser, service.url, f"tab=text&text={quote(TEXT)}") as page:
        chosen = page.get_by_role("region", name="The chosen piece")
        token(page, "🍷").click()
        expect(chosen).to_contain_text("Nothing is said for it.")
        expect(chosen.locator(".warnings")).to_have_text("🍷 -> nothing")
        token(page, "日本").click()
        expect(chosen.locator(".note.bad")).to_contain_text("CJK")


@pytest.mark.parametrize("alphabet", ["ipa", "x-sampa", "cntk"])
def test_every_option_of_texts(browser, service, alphabet):
    text = "He went to the end, of it."
    names = {"ipa": "IPA", "x-sampa": "X-SAMPA", "cntk": "CNTK"}
    with visit(browser, service.url, f"tab=text&text={quote(text)}") as page:
        token(page, "He").wait_for()
        assert page.get_by_role("group", name="Alternatives").is_hidden()
        page.get_by_role("radio", name=names[alphabet], exact=True).check()
        stress = {"stress": True} if alphabet != "cntk" else {"stress": None}
        line = shown(page, "Pronunciation")
        wanted = answered(service, text, alphabet=alphabet, **stress)["pronunciation"]
        expect(line).to_have_text(wanted)
        page.get_by_role("switch", name="Weak forms").check()
        page.get_by_role("switch", name="Keep punctuation").check()
        options = {"weak_forms": True, "punctuation": True, "alphabet": alphabet, **stress}
        weak = answered(service, text, **options)["pronunciation"]
        assert weak != wanted
        expect(line).to_have_text(weak)
        page.get_by_role("radio", name="Model only").check()
        model = answered(service, text, source="model", **options)["pronunciation"]
        expect(line).to_have_text(model)
        # The address has all of it, for somebody else
        again = page.url
        page.goto("about:blank")
        page.goto(again)
        expect(line).to_have_text(model)
        assert page.get_by_label("Type or paste a text").input_value() == text
        options = parse_qs(urlsplit(again).fragment)
        assert (options["weak_forms"], options["source"]) == (["1"], ["model"])


def test_a_long_text_is_not_in_the_address(browser, service):
    text = "word " * 500
    with visit(browser, service.url, "tab=text", refused=("422",)) as page:
        page.get_by_label("Type or paste a text").fill(text)
        page.locator(".tokens").wait_for()
        assert "text=word" not in page.url
        assert page.locator(".tokens").text_content() == text
        page.get_by_label("Type or paste a text").fill("word 👋 " * 1500)
        expect(page.locator("#text-result .note").first).to_contain_text("The first 3000 pieces")
        page.get_by_label("Type or paste a text").fill("x" * 200_000)
        expect(page.locator("#banner")).to_contain_text("characters")


def test_what_is_copied(browser, service):
    with visit(browser, service.url, f"tab=text&text={quote(TEXT)}") as page:
        answer = answered(service, TEXT)
        page.get_by_role("button", name="Copy the text’s Pronunciation").click()
        expect(page.locator("#text-result .copied p")).to_have_text("Copied: Pronunciation")
        assert page.evaluate("navigator.clipboard.readText()") == answer["pronunciation"]
        page.get_by_role("button", name="Copy the text’s curl").click()
        expect(page.locator("#text-result .copied pre")).to_contain_text(f"{service.url}/text")


def test_a_click_corrects_a_word(browser, shipped_artifact, tmp_path):
    settings = {"api_keys": KEY, "user_lexicon": tmp_path / "words.sqlite"}
    with running(tmp_path / "log", artifact=shipped_artifact, **settings) as own:
        own.wait_until_ready()
        with visit(browser, own.url, f"tab=text&text={quote('The tangerish ATM, 42 now')}") as page:
            page.get_by_role("button", name="Enter a key").click()
            page.get_by_label("Key", exact=True).fill(KEY)
            page.get_by_role("button", name="Use this key").click()
            token(page, "tangerish").click()
            field = page.get_by_label("How tangerish is said")
            expect(field).not_to_be_empty()
            expect(field).to_be_focused()
            page.keyboard.press("Escape")
            expect(token(page, "tangerish")).to_be_focused()
            page.get_by_role("button", name="Correct tangerish").click()
            expect(field).not_to_be_empty()
            field.fill("T AE1 NG G")
            page.get_by_role("button", name="Save in the lexicon").click()
            expect(shown(page, "Pronunciation")).to_contain_text("T AE1 NG G ")
            expect(token(page, "tangerish")).to_be_focused()
            chosen = page.get_by_role("region", name="The chosen piece")
            expect(chosen.locator(".badge")).to_have_text("User entry")
            # A token of several words offers each
            token(page, "42").click()
            names = chosen.get_by_role("button").evaluate_all("all => all.map(e => e.ariaLabel)")
            assert names == ["Correct forty", "Correct two"]
            assert not chosen.locator("textarea").count()


def test_tokens_by_keyboard(browser, service):
    with visit(browser, service.url, f"tab=text&text={quote('Dr. Jones, 42')}") as page:
        token(page, "Dr.").focus()
        for key, text in (
            ("ArrowRight", "Jones"), ("ArrowRight", "42"), ("ArrowRight", "42"),
            ("Home", "Dr."), ("End", "42"), ("ArrowLeft", "Jones"),
        ):  # fmt: skip
            page.keyboard.press(key)
            expect(token(page, text)).to_be_focused()
        assert page.locator(".tokens button[tabindex='-1']").count() == 2
        page.keyboard.press("Enter")
        assert token(page, "Jones").get_attribute("aria-pressed") == "true"
        chosen = page.get_by_role("region", name="The chosen piece")
        expect(chosen.get_by_role("heading")).to_have_text("Jones")


def test_another_language_has_no_texts(browser, tiny_artifact, tmp_path):
    with running(tmp_path / "log", artifact=tiny_artifact) as little:
        little.wait_until_ready()
        with visit(browser, little.url, "words=bad&tab=text&text=bad") as page:
            page.locator(".card .sounds").wait_for()
            assert page.get_by_role("tab").all_text_contents() == ["Words", "A list"]
            assert page.get_by_role("tab", name="Words").get_attribute("aria-selected") == "true"
            page.get_by_role("tab", name="Words").press("ArrowRight")
            expect(page.get_by_role("tab", name="A list")).to_be_focused()
