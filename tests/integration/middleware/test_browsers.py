"""Requests of pages of other origins, as a browser sends them."""

import httpx
import pytest
from pydantic import ValidationError

from tanger.service.settings import Settings
from tests.support.live_service import running

KEY = "a-key-of-the-cross-origin-tests"
ORIGIN = "https://app.example"


@pytest.fixture(scope="module")
def client(tiny_artifact, tmp_path_factory):
    folder = tmp_path_factory.mktemp("origins")
    settings = {
        "api_keys": KEY,
        "cors_origins": f"https://other.example:8443, {ORIGIN}:443",
        "user_lexicon": folder / "words.db",
    }
    with running(folder / "log", artifact=tiny_artifact, **settings) as service:
        service.wait_until_ready()
        with httpx.Client(base_url=service.url, timeout=60) as client:
            yield client


def preflight(client, path, method, *headers, origin=ORIGIN):
    asking = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        asking["Access-Control-Request-Headers"] = ",".join(headers)
    return client.options(path, headers=asking)


@pytest.mark.parametrize(
    ("path", "method"),
    [("/pronounce", "POST"), ("/pronounce/bad", "GET"), ("/lexicon/bad", "PUT"),
     ("/lexicon/bad", "DELETE"), ("/lexicon", "POST")],
)  # fmt: skip
def test_a_preflight_request_needs_no_key(client, path, method):
    answer = preflight(client, path, method, "content-type", "x-api-key", "authorization",
                       "x-request-timeout", "x-request-id", "traceparent")  # fmt: skip
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert method in answer.headers["Access-Control-Allow-Methods"]
    assert "Origin" in answer.headers["Vary"]


def test_a_script_may_read_the_answer_and_its_headers(client):
    headers = {"Origin": ORIGIN, "X-API-Key": KEY}
    answer = client.post("/pronounce", json={"words": ["bad"]}, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    for name in ("ETag", "Retry-After", "Server-Timing", "X-Model-Version", "X-Request-ID"):
        assert name in exposed
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_what_is_refused_can_be_read_too(client):
    refused = client.get("/pronounce/bad", headers={"Origin": ORIGIN})
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert refused.json()["code"] == "unauthorized"


def test_caches_keep_answers_of_several_origins_apart(client):
    first = client.get("/pronounce/bad", headers={"X-API-Key": KEY})
    assert "Origin" in first.headers["Vary"]
    assert "Accept" in first.headers["Vary"]
    headers = {"X-API-Key": KEY, "Origin": ORIGIN, "If-None-Match": first.headers["ETag"]}
    again = client.get("/pronounce/bad", headers=headers)
    assert again.status_code == 304
    assert again.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize(
    "origin", ["https://elsewhere.example", "http://app.example", "https://app.example:444", "null"]
)
def test_other_origins_stay_out(client, origin):
    answer = client.get("/pronounce/bad", headers={"Origin": origin, "X-API-Key": KEY})
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers
    refused = preflight(client, "/pronounce", "POST", origin=origin)
    assert (refused.status_code, refused.json()["code"]) == (400, "cross_origin")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert "TANGER_CORS_ORIGINS" in refused.json()["detail"]
    assert refused.json()["request_id"] == refused.headers["X-Request-ID"]
    assert "Access-Control-Allow-Origin" not in refused.headers


def test_what_no_page_may_do(client):
    for method, headers in (("PATCH", []), ("POST", ["x-other"])):
        refused = preflight(client, "/pronounce", method, *headers)
        assert (refused.status_code, refused.json()["code"]) == (400, "cross_origin")


def test_options_of_no_browser_is_answered_as_any_method_that_there_is_not(client):
    answer = client.options("/pronounce", headers={"X-API-Key": KEY})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert client.options("/pronounce").status_code == 401


def test_all_origins(tiny_artifact, tmp_path):
    with running(tmp_path / "log", artifact=tiny_artifact, cors_origins="*") as service:
        answer = httpx.get(f"{service.url}/livez", headers={"Origin": "null"})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        requested = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
        assert httpx.options(f"{service.url}/pronounce", headers=requested).status_code == 200


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ("*", "*"),
        ("HTTPS://App.Example:443 , http://localhost:3000", "https://app.example,http://localhost:3000"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://a.example:80,chrome-extension://abcdef", "http://a.example,chrome-extension://abcdef"),
    ],
)  # fmt: skip
def test_origins_are_kept_as_browsers_send_them(given, kept):
    assert Settings(cors_origins=given).cors_origins == kept


@pytest.mark.parametrize(
    "given",
    ["https://app.example/", "app.example", "https://app.example/path", "https://*.example",
     "https://bücher.example", "null", "https://user@app.example"],
)  # fmt: skip
def test_what_is_no_origin_is_refused(given):
    with pytest.raises(ValidationError, match="is not an origin"):
        Settings(cors_origins=given)


@pytest.mark.parametrize("given", ["proxy", "10.0.0.0/33", "10.0.0.1 10.0.0.2"])
def test_what_is_no_address_of_a_proxy_is_refused(given):
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Settings(trusted_proxies=given)
