import re
from urllib.parse import urljoin

import httpx
import pytest

from tests.support.live_service import get, running


@pytest.fixture(scope="module")
def service(tiny_artifact, tmp_path_factory):
    log = tmp_path_factory.mktemp("pages") / "log"
    with running(log, artifact=tiny_artifact) as service:
        service.wait_until_ready()
        yield service


def test_the_documentation_needs_nothing_from_elsewhere(service):
    page = service.ask(get("/docs"))
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) == 4
    for link in links:
        assert "//" not in link
        file = httpx.get(urljoin(f"{service.url}/docs", link))
        assert file.status_code == 200, link
        assert len(file.content) > 100
    assert "<script>" not in page.text
    assert "SwaggerUIBundle({" in httpx.get(f"{service.url}/docs/start.js").text
    policy = page.headers["Content-Security-Policy"]
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "script-src 'self';" in policy
    assert "http" not in policy
    assert not any(
        "docs" in path for path in httpx.get(f"{service.url}/openapi.json").json()["paths"]
    )


@pytest.mark.parametrize(
    ("path", "status"),
    [("/livez", 200), ("/pronounce/bad", 200), ("/nowhere", 404), ("/pronounce/bad?n=x", 422)],
)
def test_every_answer_keeps_browsers_from_doing_more_with_it(service, path, status):
    answer = service.ask(get(path, Origin="https://elsewhere.example"))
    assert answer.status_code == status
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_no_other_origin_is_let_in(service):
    requested = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    answer = httpx.options(f"{service.url}/pronounce", headers=requested)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/livez", 200), ("/readyz", 200), ("/pronounce/bad", 200), ("/", 200), ("/docs", 200),
     ("/nowhere", 404), ("/pronounce", 405)],
)  # fmt: skip
def test_head_is_get_without_the_body(service, path, status):
    with httpx.Client(base_url=service.url) as client:
        got, head = client.get(path), client.head(path)
        assert (got.status_code, head.status_code, head.content) == (status, status, b"")
        changing = {"date", "x-request-id", "server-timing"}
        if status < 400:  # a problem tells the ID of its request
            assert head.headers["Content-Length"] == str(len(got.content))
            assert {k: v for k, v in head.headers.items() if k not in changing} == {
                k: v for k, v in got.headers.items() if k not in changing
            }
        assert client.get(path).content[:1] in (b"{", b"<"), "the connection goes on"


def test_head_is_counted_with_its_route(service):
    httpx.head(f"{service.url}/pronounce/bad")
    counted = 'tanger_requests_total{method="HEAD",route="/pronounce/{word}",status="200"}'
    assert counted in httpx.get(f"{service.url}/metrics").text
