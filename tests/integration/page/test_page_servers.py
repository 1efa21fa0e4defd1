"""The page on servers with keys, and on such as offer less or nothing."""

import json
import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.support.browsing import bodies, expect_sounds, launched, sounds, texts, visit
from tests.support.live_service import running

KEY = "key-of-those-who-may-correct"


@pytest.fixture(scope="module")
def browser():
    yield from launched()


@pytest.fixture(scope="module")
def service(browser, shipped_artifact, tmp_path_factory):
    log = tmp_path_factory.mktemp("page") / "log"
    with running(log, artifact=shipped_artifact, max_words=100) as service:
        service.wait_until_ready()
        yield service


@pytest.fixture(scope="module")
def guarded(browser, shipped_artifact, tmp_path_factory):
    folder = tmp_path_factory.mktemp("guarded")
    settings = {"api_keys": KEY, "user_lexicon": folder / "words.sqlite"}
    with running(folder / "log", artifact=shipped_artifact, **settings) as service:
        service.wait_until_ready()
        yield service
        assert service.stop() == 0
        assert KEY not in service.log


def test_with_keys_the_page_asks_for_one_and_keeps_it_to_itself(browser, guarded):
    with visit(browser, guarded.url, "words=tangerish", refused=("401",)) as page:
        requests = []

        def note(request):
            requests.append(request)

        page.on("request", note)
        page.locator("#banner", has_text="with an API key only").wait_for()
        assert not page.locator(".card").count()
        page.get_by_role("button", name="Enter a key").click()
        page.get_by_label("Key", exact=True).fill("wrong-key-of-somebody-else")
        page.get_by_role("button", name="Use this key").click()
        page.locator("#key-fault", has_text="does not know this key").wait_for()
        page.get_by_label("Key", exact=True).fill(KEY)
        page.get_by_role("button", name="Use this key").click()
        page.locator(".card .badge.model").wait_for()
        assert page.locator("#banner").is_hidden()
        assert all(KEY not in request.url for request in requests)
        assert KEY not in page.evaluate("location.href + JSON.stringify(localStorage)")
        assert KEY not in page.evaluate("document.documentElement.outerHTML")
        assert requests[-1].headers["authorization"] == f"Bearer {KEY}"
        page.get_by_role("button", name="Copy tangerish as curl").click()
        page.locator(".copied pre", has_text="$TANGER_API_KEY").wait_for()
        assert KEY not in page.locator(".copied pre").text_content()
        page.reload()
        page.locator(".card .badge.model").wait_for()
        page.get_by_role("button", name="API key in use").click()
        page.get_by_role("button", name="Forget it").click()
        page.locator("#banner", has_text="with an API key only").wait_for()
        assert page.evaluate("sessionStorage.length") == 0


def with_key(page):
    page.get_by_role("button", name="Enter a key").click()
    page.get_by_label("Key", exact=True).fill(KEY)
    page.get_by_role("button", name="Use this key").click()
    page.locator(".card").first.wait_for()


def test_a_corrected_word_is_in_the_lexicon_from_then_on(browser, guarded):
    with visit(browser, guarded.url, "words=tangerish") as page:
        with_key(page)
        before = sounds(page)
        page.get_by_role("button", name="Correct …").click()
        field = page.get_by_label("How tangerish is said")
        expect(field).to_have_value(before[0])
        field.fill("T AE1 NG XX")
        page.get_by_role("button", name="Save in the lexicon").click()
        page.get_by_text("Not a phoneme here: XX").wait_for()
        field.fill("")
        page.get_by_text("Phonemes to pick from").click()
        for phoneme in ("T", "AE", "NG"):
            page.locator(".palette").get_by_role("button", name=phoneme, exact=True).click()
        assert field.input_value().split() == ["T", "AE", "NG"]
        field.fill("t ey1 n jh er0 ih0 sh")
        page.get_by_role("button", name="Save in the lexicon").click()
        expect_sounds(page, "T EY1 N JH ER0 IH0 SH")
        assert page.locator(".badge").text_content() == "User entry"
        assert page.evaluate("document.activeElement.textContent") == "tangerish"
        page.locator("#status", has_text="Saved: tangerish").wait_for(state="attached")
        headers = {"X-API-Key": KEY}
        answer = httpx.get(
            f"{guarded.url}/pronounce/tangerish?source=auto&stress=true", headers=headers
        ).json()["results"][0]
        assert (answer["source"], texts(answer)) == ("user", ["T EY1 N JH ER0 IH0 SH"])
        page.reload()
        page.locator(".badge.user").wait_for()
        page.get_by_role("button", name="Change …").click()
        page.get_by_role("button", name="Remove this entry").click()
        expect_sounds(page, *before)
        assert page.locator(".badge").text_content() == "Model"


def test_a_word_is_corrected_in_the_alphabet_that_is_chosen(browser, guarded):
    refused = ("422",)  # of what is no IPA
    with visit(browser, guarded.url, "words=tangerish&alphabet=ipa", refused=refused) as page:
        with_key(page)
        (before, *_) = sounds(page)
        page.get_by_role("button", name="Correct …").click()
        field = page.get_by_label("How tangerish is said")
        expect(field).to_have_value(before)
        written = page.get_by_label("Written in")
        expect(written).to_have_value("ipa")
        assert page.locator(".palette").is_hidden()
        written.select_option("x-sampa")
        expect(field).to_have_value(re.compile(r"[\"%@]"))
        written.select_option("ipa")
        expect(field).to_have_value(before)
        field.fill("ˈteɪɾɚɪʃ")
        page.get_by_role("button", name="Save in the lexicon").click()
        page.locator(".fault", has_text="'ɾ' (U+027E) is none of its symbols").wait_for()
        field.fill("ˈteɪndʒɚɪʃ")
        page.get_by_role("button", name="Save in the lexicon").click()
        expect_sounds(page, "ˈteɪndʒɚɪʃ")
        page.get_by_role("button", name="Change …").click()
        page.get_by_label("Written in").select_option("arpabet")
        expect(field).to_have_value("T EY1 N JH ER0 IH0 SH")
        page.get_by_role("button", name="Remove this entry").click()
        expect_sounds(page, before)


def test_without_keys_nothing_can_be_corrected_and_the_page_says_so(browser, service):
    with visit(browser, service.url, "words=tangerish") as page:
        page.locator(".card").wait_for()
        assert not page.get_by_role("button", name="Correct").count()
        assert page.get_by_role("button", name="API key").is_hidden()
        page.get_by_text("About this server").click()
        about = page.locator("#about-text")
        assert "no API keys are configured on this server" in about.text_content()
        info = httpx.get(f"{service.url}/info").json()
        assert info["model"]["version"] in about.text_content()
        assert f"at most {info['limits']['words']} words" in about.text_content()


def test_what_a_server_does_not_offer_is_left_out(browser, service):
    with visit(browser, service.url, "words=tangerish&n=3", refused=("422",)) as page:
        unknown = ("source", "n", "alignment")

        def older(route):
            body = route.request.post_data_json
            faults = [{"where": f"body.{o}", "message": "unknown"} for o in unknown if o in body]
            if not faults:
                route.continue_()
                return
            problem = {"detail": "unknown", "code": "invalid_request", "errors": faults}
            route.fulfill(
                status=422,
                headers={"Content-Type": "application/problem+json"},
                body=json.dumps(problem),
            )

        page.unroute_all()
        page.route("**/pronounce", older)
        page.reload()
        page.locator(".card .sounds").wait_for()
        assert page.locator("#source").is_hidden()
        assert page.locator("#alternatives").is_hidden()
        assert page.locator("#banner").is_hidden()
        page.get_by_text("About this server").click()
        reported = page.locator("#about-text").text_content()
        assert "up to 10" not in reported


def test_an_alphabet_that_is_missing_hides_what_is_made_of_it(browser, service):
    with visit(browser, service.url) as page:

        def fewer(route):
            answer = route.fetch()
            route.fulfill(json=answer.json() | {"alphabets": ["arpabet", "cntk"]})

        page.route("**/info", fewer)
        page.reload()
        page.locator("#words").fill("tangerish")
        page.locator(".card").wait_for()
        assert page.locator("#alphabet label").all_text_contents() == ["ARPAbet", "CNTK"]
        assert not page.get_by_role("button", name="as SSML").count()
        assert page.get_by_role("button", name="as JSON").count() == 1


def test_a_network_that_cannot_tell_letters_is_not_requested_them(browser, service):
    with visit(browser, service.url) as page:

        def without(route):
            route.fulfill(json=route.fetch().json() | {"alignment": False})

        page.route("**/features.json", without)
        page.reload()
        sent = bodies(page)
        page.locator("#words").fill("tangerish")
        page.locator(".card .sounds").wait_for()
        assert not page.locator(".picture").count()
        assert sent
        assert not any("alignment" in body for body in sent)
        page.get_by_text("About this server").click()
        reported = page.locator("#about-text div", has_text="Letters and sounds")
        assert "off on this server" in reported.text_content()


def test_another_language_has_its_own_alphabet_and_no_stress(browser, tiny_artifact, tmp_path):
    with running(tmp_path / "log", artifact=tiny_artifact) as little:
        little.wait_until_ready()
        with visit(browser, little.url, "words=bad") as page:
            page.locator(".card .sounds").wait_for()
            assert page.locator("#stress-field").is_hidden()
            page.get_by_text("About this server").click()
            assert "was not trained for it" in page.locator("#about-text").text_content()


def test_a_server_that_is_gone_is_reported_of(browser, shipped_artifact, tmp_path):
    with running(tmp_path / "log", artifact=shipped_artifact) as service:
        service.wait_until_ready()
        with visit(browser, service.url, refused=("ERR_CONNECTION",)) as page:
            page.locator("#words").fill("tangerish")
            page.locator(".card").wait_for()
            service.stop()
            page.locator("#words").fill("tangering")
            page.locator("#banner", has_text="The server cannot be reached.").wait_for()
            assert page.get_by_role("button", name="Try again").is_visible()
