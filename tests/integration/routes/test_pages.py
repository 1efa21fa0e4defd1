import re
from pathlib import Path

import httpx
import pytest

from tanger.service.routes.pages import PATHS
from tests.support.live_service import get, running

KEY = "key-of-those-who-may"
PAGE = Path(__file__).parents[3] / "service" / "page"


@pytest.fixture(scope="module")
def service(tiny_artifact, tmp_path_factory):
    log = tmp_path_factory.mktemp("page") / "log"
    with running(log, artifact=tiny_artifact, api_keys=KEY) as service:
        service.wait_until_ready()
        yield service


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/page/style.css", "text/css; charset=utf-8"),
        ("/page/main.js", "text/javascript; charset=utf-8"),
        ("/page/favicon.svg", "image/svg+xml"),
    ],
)
def test_files_need_no_key_and_are_requested_again_only_when_they_changed(
    service, path, media_type
):
    answer = service.ask(get(path))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == media_type
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = service.ask(get(path, If_None_Match=answer.headers["ETag"]))
    assert again.status_code == 304
    assert not again.content
    assert again.headers["ETag"] == answer.headers["ETag"]
    assert httpx.head(f"{service.url}{path}").headers["ETag"] == answer.headers["ETag"]


def test_every_file_of_the_folder_is_served_and_every_link_leads_to_one(service):
    assert {f"/page/{file.name}" for file in PAGE.iterdir()} - PATHS == {"/page/index.html"}
    for path in PATHS:
        assert service.ask(get(path)).status_code == 200, path
    index = (PAGE / "index.html").read_text()
    links = re.findall(r'(?:src|href)="([^"#]+)"', index)
    scripts = [file.read_text() for file in PAGE.glob("*.js")]
    links += [f"page/{name}" for s in scripts for name in re.findall(r'from "\./([^"]+)"', s)]
    assert len(links) > 20
    for link in links:
        assert f"/{link}" in PATHS


def test_nothing_inline_and_nothing_from_elsewhere(service):
    answer = service.ask(get("/"))
    policy = answer.headers["Content-Security-Policy"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert answer.headers.get_list("Content-Security-Policy") == [policy]
    for inline in (r"<style", r"\sstyle=", r"\son[a-z]+=", r"<script(?![^>]+src=)", r"https?://"):
        assert not re.search(inline, answer.text), inline


def test_only_the_files_are_public(service):
    for path in ("/page/", "/page/index.html", "/page/../info", "/page/%2e%2e/info", "/page/x.js"):
        assert service.ask(get(path)).status_code == 401, path
    assert service.ask(get("/page/x.js", X_API_Key=KEY)).status_code == 404


def test_what_the_page_has_to_know_before_it_has_a_key(service):
    answer = service.ask(get("/page/features.json"))
    assert answer.json() == {
        "keys": True, "stress": False, "alignment": True, "texts": False, "languages": 1
    }  # fmt: skip
    assert answer.headers["Cache-Control"] == "no-store"


def test_it_can_be_left_out(tiny_artifact, tmp_path):
    with running(tmp_path / "log", artifact=tiny_artifact, page=False) as service:
        service.wait_until_ready()
        for path in PATHS:
            assert service.ask(get(path)).status_code == 404


def test_the_page_is_no_part_of_the_contract(service):
    document = httpx.get(f"{service.url}/openapi.json", headers={"X-API-Key": KEY}).json()
    assert not [path for path in document["paths"] if path == "/" or path.startswith("/page")]
