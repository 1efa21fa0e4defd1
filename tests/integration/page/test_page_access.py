"""Whether everybody can use the page: axe-core's rules, the keyboard alone, a narrow screen."""

import pytest
from playwright.sync_api import expect

from tests.support.browsing import expect_sounds, launched, visit
from tests.support.live_service import running

KEY = "key-of-those-who-may-correct"
LONG = "pneumonoultramicroscopicsilicovolcanoconiosis"
TEXT = f"Dr. Li read: $5.3 bn at 3:00, I & 日本 {LONG} **rosé** H2O a@b.com 🍷 in 1984."
WORDS = f"words=tangerish+hello+мир+Ångström+{LONG}&n=3"


@pytest.fixture(scope="module")
def browser():
    yield from launched()


@pytest.fixture(scope="module")
def service(browser, shipped_artifact, tmp_path_factory):
    folder = tmp_path_factory.mktemp("access")
    settings = {"api_keys": KEY, "user_lexicon": folder / "words.sqlite"}
    with running(folder / "log", artifact=shipped_artifact, **settings) as service:
        service.wait_until_ready()
        yield service


def start(page):
    page.get_by_role("button", name="Enter a key").click()
    page.get_by_label("Key", exact=True).fill(KEY)
    page.get_by_role("button", name="Use this key").click()
    page.locator("#options").wait_for()


def states(page):
    """The page in each of its states, one after the other."""
    page.locator("#banner").wait_for()
    yield "no key"
    page.get_by_role("button", name="Enter a key").click()
    page.get_by_role("button", name="Use this key").click()
    page.locator("#key-fault").wait_for()
    yield "the key's dialog"
    page.get_by_role("button", name="Cancel").click()
    start(page)
    page.locator(".card").nth(4).wait_for()
    yield "several words"
    page.locator(".more > summary").last.click()
    page.locator(".as-text > summary").last.click()
    page.get_by_text("About this server").click()
    page.get_by_role("button", name="Copy tangerish as JSON").click()
    page.locator(".copied pre").first.wait_for()
    yield "all opened"
    page.get_by_role("button", name="Correct …").first.click()
    page.get_by_text("Phonemes to pick from").click()
    page.get_by_label("How tangerish is said").fill("XX")
    page.get_by_role("button", name="Save in the lexicon").click()
    page.locator(".correcting .fault").wait_for()
    yield "a correction"
    page.locator("#words").fill("tangerish")
    page.get_by_role("radio", name="IPA", exact=True).check()
    expect(page.locator(".card")).to_have_count(1)
    yield "one word"
    page.locator("#words").fill("")
    page.locator(".examples").wait_for()
    yield "no word"
    page.get_by_role("tab", name="A text").click()
    page.locator("#text-result .examples").wait_for()
    yield "no text"
    page.locator("#text").fill(TEXT)
    page.locator(".tokens button", has_text="read").click()
    expect(page.get_by_label("How read is said")).not_to_be_empty()
    page.get_by_role("button", name="Copy the text’s JSON").click()
    page.locator("#text-result .copied pre").wait_for()
    yield "a text"
    page.get_by_role("tab", name="A list").click()
    page.locator("#list").fill(f"tangerish hello мир Ångström {LONG}")
    page.get_by_role("button", name="Pronounce the list").click()
    page.locator(".progress-text", has_text="Done").wait_for()
    yield "a list"


RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Those that a width and a scheme of colours can change
OF_LOOKS = {"type": "rule", "values": ["color-contrast", "target-size", "button-name"]}


@pytest.mark.parametrize(
    ("width", "scheme", "rules"),
    [(1100, "light", RULES), (360, "dark", OF_LOOKS), (320, "light", OF_LOOKS)],
)
def test_axe_finds_nothing_in_any_state_and_nothing_sticks_out(
    browser, service, scheme, width, rules
):
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()
    options = {"runOnly": rules, "resultTypes": ["violations"]}
    with visit(browser, service.url, WORDS, width=width, scheme=scheme) as page:
        seen = []
        for state in states(page):
            seen.append(state)
            report = axe.run(page, options=options).response
            reported = [
                (fault["id"], node["html"], node["failureSummary"])
                for fault in report["violations"]
                for node in fault["nodes"]
            ]
            assert not reported, state
            assert {"color-contrast", "button-name"} <= {rule["id"] for rule in report["passes"]}
            sizes = page.evaluate(
                "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
            )
            assert sizes == [width, width], state
        assert len(seen) == 10


def focused(page):
    """What has the focus: its role or tag, and its name."""
    return page.evaluate(
        """() => {
            const e = document.activeElement;
            const name = e.ariaLabel || e.labels?.[0]?.innerText || e.innerText || e.id;
            return `${e.role || e.type || e.tagName.toLowerCase()} ${name.trim()}`;
        }"""
    )


def tab_to(page, name, key="Tab", maximum=60):
    """Go on until this has the focus, which has to be seen."""
    for _ in range(maximum):
        page.keyboard.press(key)
        if name in focused(page):
            outline = page.evaluate(
                """() => {
                    const e = document.activeElement;
                    const seen = getComputedStyle(e).opacity === '0' ? e.nextElementSibling : e;
                    return getComputedStyle(seen).outlineStyle;
                }"""
            )
            assert outline == "solid", focused(page)
            return
    raise AssertionError(f"{name} cannot be reached; the focus is on {focused(page)}")


def test_all_of_it_by_keyboard(browser, service):
    with visit(browser, service.url) as page:
        page.locator("#banner").wait_for()
        keyboard = page.keyboard
        tab_to(page, "Enter a key")
        keyboard.press("Enter")
        assert focused(page) == "password Key"
        keyboard.type(KEY)
        keyboard.press("Enter")
        page.locator("#options").wait_for()
        # Where one goes on typing
        expect(page.locator("#words")).to_be_focused()
        keyboard.type("tangerish")
        page.locator(".card .badge.model").wait_for()
        tab_to(page, "ARPAbet")
        keyboard.press("ArrowRight")
        assert focused(page) == "radio IPA"
        tab_to(page, "1")
        keyboard.press("ArrowRight")
        expect(page.locator(".alternatives li")).to_have_count(3)
        tab_to(page, "Mark stress")
        keyboard.press("Space")
        assert not page.get_by_role("switch").is_checked()
        expect(page.locator(".alternatives .text").first).not_to_contain_text("ˈ")
        second = page.locator(".alternatives .text").nth(1).text_content()
        tab_to(page, second)
        keyboard.press("Enter")
        expect_sounds(page, second)
        tab_to(page, "Letters and sounds")
        keyboard.press("Space")
        page.locator(".picture").wait_for(state="hidden")
        keyboard.press("Space")
        tab_to(page, "Picture of tangerish")
        tab_to(page, "Copy tangerish as JSON")
        keyboard.press("Enter")
        page.locator(".copied p").wait_for()
        tab_to(page, "Correct …")
        keyboard.press("Enter")
        expect(page.get_by_label("How tangerish is said")).not_to_be_empty()
        keyboard.press("Escape")
        assert focused(page) == "button Correct …"
        tab_to(page, "Words", key="Shift+Tab")
        keyboard.press("ArrowRight")
        assert focused(page) == "tab A text"
        tab_to(page, "Type or paste a text")
        keyboard.type("3 rosé")
        page.locator(".tokens button").nth(1).wait_for()
        tab_to(page, "Weak forms")
        tab_to(page, "Keep punctuation")
        tab_to(page, "3")
        keyboard.press("ArrowRight")
        keyboard.press("Enter")
        expect(page.get_by_label("How rosé is said")).not_to_be_empty()
        keyboard.press("Escape")
        assert focused(page) == "button rosé"
        tab_to(page, "A text", key="Shift+Tab")
        keyboard.press("ArrowRight")
        assert focused(page) == "tab A list"
        tab_to(page, "Paste a list of words")
        keyboard.type("tangerish")
        tab_to(page, "Pronounce the list")
        keyboard.press("Enter")
        page.locator(".progress-text", has_text="Done").wait_for()
        tab_to(page, "Download as TSV")


# Letter by letter, without a pause: on a loaded machine a browser's own keys come with pauses
TYPE = """(field, text) => {
    for (const letter of text) {
        field.value += letter;
        field.dispatchEvent(new Event('input', {bubbles: true}));
    }
}"""


def test_those_who_listen_are_reported_once_the_typing_is_over(browser, service):
    with visit(browser, service.url) as page:
        page.locator("#banner").wait_for()
        start(page)
        reported = page.evaluate_handle(
            """() => {
                const told = [];
                const watch = () => told.push(document.querySelector('#status').textContent);
                new MutationObserver(watch).observe(
                    document.querySelector('#status'), {childList: true, characterData: true});
                return told;
            }"""
        )
        page.locator("#words").evaluate(TYPE, "tangerish")
        page.locator("#status", has_text="tangerish: ").wait_for(state="attached")
        heard = [text for text in reported.json_value() if text]
        assert len(heard) == 1
        assert "Model" in heard[0]
        assert "%" in heard[0]
