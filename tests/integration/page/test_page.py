import json
import shlex
import subprocess

import httpx
import pytest
from playwright.sync_api import expect

from tests.support.browsing import bodies, expect_sounds, launched, requested, sounds, texts, visit
from tests.support.live_service import running


@pytest.fixture(scope="module")
def browser():
    yield from launched()


@pytest.fixture(scope="module")
def service(browser, shipped_artifact, tmp_path_factory):
    log = tmp_path_factory.mktemp("page") / "log"
    with running(log, artifact=shipped_artifact, max_words=100) as service:
        service.wait_until_ready()
        yield service


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        (" ,;. … ", []),
        ('He said: "Hello, world!".', ["He", "said", "Hello", "world"]),
        ("1,000 U.S. etc. 3.50, ($5) and so on...", "1,000 U.S. etc 3.50 $5 and so on".split()),
        ("borrowers' o’brien, rock-'n'-roll", ["borrowers'", "o’brien", "rock-'n'-roll"]),
        ("one\ttwo\r\nthree,four;five", ["one", "two", "three", "four", "five"]),
    ],
)
def test_words_are_reported_from_what_stands_around_them(browser, service, text, words):
    with visit(browser, service.url) as page:
        split = "async text => (await import('/page/words.js')).split(text)"
        assert page.evaluate(split, text) == words


def test_phonemes_follow_as_one_types_and_say_where_they_are_from(browser, service):
    with visit(browser, service.url) as page:
        sent = bodies(page)
        page.locator("#words").press_sequentially("tangerish", delay=20)
        [result] = requested(service, "tangerish", stress=True)
        expect_sounds(page, *texts(result))
        assert page.locator(".card h3").text_content() == "tangerish"
        assert page.locator(".card .badge").text_content() == "Model"
        # Not a request a key
        assert 1 <= len(sent) < len("tangerish")
        assert sent[-1]["words"] == ["tangerish"]
        assert sent[-1]["source"] == "auto"
        page.locator("#words").fill("tangerish, hello borrowers")
        results = requested(service, "tangerish", "hello", "borrowers", stress=True)
        expect_sounds(page, *(texts(result)[0] for result in results))
        assert page.locator(".badge").all_text_contents() == ["Model", "Dictionary", "Dictionary"]
        page.locator("#words").fill("")
        page.locator(".examples").wait_for()
        assert not sounds(page)
        page.get_by_role("button", name="zyzzyva").click()
        page.locator(".card h3", has_text="zyzzyva").wait_for()


def test_what_was_requested_before_is_given_up(browser, service):
    with visit(browser, service.url) as page:

        def hold(route):
            if route.request.post_data_json["words"] != ["slow"]:
                route.continue_()

        given_up = page.evaluate_handle(
            """() => {
                const givenUp = [];
                const fetch = window.fetch;
                window.fetch = (url, request) => {
                    const { words } = JSON.parse(request.body ?? '{"words": []}');
                    request.signal?.addEventListener("abort", () => givenUp.push(...words));
                    return fetch(url, request);
                };
                return givenUp;
            }"""
        )
        page.locator("#options").wait_for()
        page.route("**/pronounce", hold)
        page.locator("#words").fill("slow")
        expect(page.locator("#cards")).to_have_attribute("aria-busy", "true")
        page.locator("#words").fill("tanger")
        page.locator(".card h3", has_text="tanger").wait_for()
        assert given_up.json_value() == ["slow"]
        assert page.locator(".card").count() == 1


@pytest.mark.parametrize(
    ("alphabet", "name"),
    [("arpabet", "ARPAbet"), ("ipa", "IPA"), ("x-sampa", "X-SAMPA"), ("cntk", "CNTK")],
)
def test_every_alphabet_of_the_server_with_and_without_stress(browser, service, alphabet, name):
    assert alphabet in httpx.get(f"{service.url}/info").json()["alphabets"]
    with visit(browser, service.url, "words=tangerish+hello") as page:
        page.get_by_role("radio", name=name, exact=True).check()
        stress = page.get_by_role("switch")
        assert stress.is_checked()
        if alphabet == "cntk":
            assert stress.is_disabled()
            results = requested(service, "tangerish", "hello", alphabet=alphabet)
            expect_sounds(page, *(texts(result)[0] for result in results))
            return
        for wanted in (True, False):
            stress.set_checked(wanted)
            results = requested(service, "tangerish", "hello", alphabet=alphabet, stress=wanted)
            expect_sounds(page, *(texts(result)[0] for result in results))


def test_alternatives_are_bars_as_long_as_they_are_likely(browser, service):
    with visit(browser, service.url, "words=tangerish") as page:
        page.get_by_role("radio", name="5", exact=True).check()
        [result] = requested(service, "tangerish", stress=True, n=5)
        assert len(texts(result)) == 5
        rows = page.locator(".alternatives button")
        expect(page.locator(".alternatives li")).to_have_count(5)
        assert rows.locator(".text").all_text_contents() == texts(result)
        widths = rows.locator(".fill").evaluate_all(
            "bars => bars.map(bar => parseFloat(bar.style.width))"
        )
        likely = [p["probability"] for p in result["pronunciations"]]
        assert widths == pytest.approx([100 * p for p in likely], abs=0.06)
        assert f"{likely[0]:.0%}"[:-1] in rows.first.locator(".number").text_content()
        rows.nth(1).click()
        assert rows.nth(1).get_attribute("aria-pressed") == "true"
        assert rows.first.get_attribute("aria-pressed") == "false"
        assert sounds(page) == [texts(result)[1]]


def test_variants_of_the_dictionary_have_no_bars_and_the_model_can_be_requested(browser, service):
    with visit(browser, service.url, "words=hello&n=5") as page:
        [result] = requested(service, "hello", stress=True, n=5)
        assert len(texts(result)) > 1
        rows = page.locator(".alternatives button")
        rows.first.wait_for()
        assert rows.locator(".text").all_text_contents() == texts(result)
        assert not page.locator(".fill").count()
        page.get_by_role("button", name="Ask the model instead").click()
        page.locator(".badge.model").wait_for()
        assert page.get_by_role("radio", name="Model only").is_checked()
        [result] = requested(service, "hello", stress=True, source="model")
        expect_sounds(page, *texts(result))


def test_a_picture_of_letters_against_sounds_and_the_same_in_words(browser, service):
    with visit(browser, service.url, "words=tangerish&source=model") as page:
        [result] = requested(service, "tangerish", stress=True, source="model", alignment=True)
        alignment = result["pronunciations"][0]["alignment"]
        picture = page.get_by_role("img", name="Letters of tangerish against its sounds")
        picture.wait_for()
        reported = picture.get_attribute("aria-label")
        for p in alignment["phonemes"]:
            letters = "".join(alignment["letters"][p["start"] : p["end"]])
            assert f"{p['phoneme']} from {letters or 'no letter'}" in reported
        cells = picture.locator(".cell").evaluate_all(
            "cells => cells.map(cell => parseFloat(cell.getAttribute('fill-opacity')))"
        )
        weights = [weight for row in alignment["attention"] for weight in row]
        assert cells == pytest.approx([max(0.05, w**0.5) for w in weights], abs=0.001)
        page.get_by_text("The same as a table").click()
        rows = page.locator(".small-table tbody tr")
        assert rows.count() == len(alignment["phonemes"])
        likely = [p["probability"] for p in alignment["phonemes"]]
        doubt = likely.index(min(likely))
        assert likely[doubt] < 0.99
        assert "least certain" in rows.nth(doubt).text_content()
        marked = page.locator(".ribbon .doubtful b")
        assert marked.all_text_contents() == [alignment["phonemes"][doubt]["phoneme"]]
        assert alignment["phonemes"][doubt]["phoneme"] in page.locator(".doubt").text_content()


def test_warnings_and_errors_are_shown_where_they_belong(browser, service):
    words = ("Ångström", "мир", "x" * 70)
    with visit(browser, service.url) as page:
        page.locator("#words").fill(" ".join(words))
        first, second, third = requested(service, *words, stress=True)
        assert first["warnings"]
        assert second["error"]
        assert third["error"]
        cards = page.locator(".card")
        cards.nth(2).wait_for()
        assert cards.nth(0).locator(".warnings li").all_text_contents() == first["warnings"]
        for i, result in ((1, second), (2, third)):
            assert cards.nth(i).locator(".note.bad").text_content() == result["error"]["message"]
            assert cards.nth(i).locator(".badge").text_content() == "No answer"
        # Who only listens is told the same
        page.locator("#status", has_text=second["error"]["message"]).wait_for(state="attached")


def test_the_address_remembers_and_words_stay_out_of_what_servers_see(browser, service):
    with visit(browser, service.url) as page:
        seen = []
        page.on("request", lambda request: seen.append(request.url))
        page.locator("#words").fill("tangerish")
        page.get_by_role("radio", name="IPA", exact=True).check()
        page.get_by_role("switch").uncheck()
        page.get_by_role("radio", name="3", exact=True).check()
        expect(page.locator(".alternatives li")).to_have_count(3)
        before = sounds(page)
        page.reload()
        expect_sounds(page, *before)
        assert page.locator("#words").input_value() == "tangerish"
        assert page.get_by_role("radio", name="IPA", exact=True).is_checked()
        assert not page.get_by_role("switch").is_checked()
        assert not [url for url in seen if "tangerish" in url.partition("#")[0]]


def clipboard(page, name):
    page.get_by_role("button", name=f"Copy o'brien as {name}").click()
    page.locator(".copied p", has_text=f"Copied as {name}").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert page.locator(".copied pre").text_content() == copied
    return copied


def test_copies(browser, service):
    with visit(browser, service.url, "words=o'brien&n=3&source=model") as page:
        options = {"stress": True, "source": "model", "n": 3}
        [shown] = requested(service, "o'brien", **options, alignment=True)
        [ipa] = requested(service, "o'brien", **options, alphabet="ipa")
        assert " " not in texts(ipa)[0]
        expect_sounds(page, texts(shown)[0])
        assert json.loads(clipboard(page, "JSON")) == shown
        assert clipboard(page, "IPA") == texts(ipa)[0]
        wanted = f"""<phoneme alphabet="ipa" ph="{texts(ipa)[0]}">o'brien</phoneme>"""
        assert clipboard(page, "SSML") == wanted
        command = shlex.split(clipboard(page, "curl").replace("\\\n", ""))
        assert command[:2] == ["curl", "-s"]
        answer = subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
        [result] = json.loads(answer)["results"]
        assert texts(result) == texts(shown)
        page.locator(".alternatives button").nth(1).click()
        assert clipboard(page, "IPA") == texts(ipa)[1]


def test_where_browsers_have_no_clipboard_the_text_can_still_be_had(browser, service):
    with visit(browser, service.url, "words=tangerish") as page:
        page.evaluate("delete Clipboard.prototype.write")
        page.locator(".card").wait_for()
        page.get_by_role("button", name="Copy tangerish as IPA").click()
        page.locator(".copied p").wait_for()
        [ipa] = requested(service, "tangerish", stress=True, alphabet="ipa")
        assert page.locator(".copied pre").text_content() == texts(ipa)[0]
