import time

import httpx
import pytest

from tanger.service.middleware.request_head import FIELD_BYTES, QUERY_BYTES
from tests.support.live_service import get, running


@pytest.fixture(scope="module")
def service(tiny_artifact, tmp_path_factory):
    log = tmp_path_factory.mktemp("heads") / "log"
    settings = {"api_keys": "a-key-for-the-tests", "public_routes": "/livez,/readyz,/pronounce"}
    with running(log, artifact=tiny_artifact, **settings) as service:
        service.wait_until_ready()
        yield service


@pytest.mark.parametrize("name", sorted(FIELD_BYTES))
@pytest.mark.parametrize("path", ["/pronounce", "/livez", "/nowhere"])
def test_a_header_beyond_its_limit_is_refused(service, name, path):
    field, limit = name.decode().title(), FIELD_BYTES[name]
    value = f"{'0' * limit}2" if name == b"content-length" else ";" * (limit + 1)
    lines = [f"POST {path} HTTP/1.1", "Host: test", "Connection: close", f"{field}: {value}"]
    if name != b"content-length":
        lines.append("Content-Length: 2")
    answer = service.ask("\r\n".join([*lines, "", "{}"]).encode())
    assert answer.status_code == 431
    problem = answer.json()
    assert problem["code"] == "header_too_large"
    assert problem["detail"] == f"the header {field} may have at most {limit:,} bytes here"


def test_many_fields_of_one_name_count_together(service):
    lines = ["GET /livez HTTP/1.1", "Host: test", "Connection: close"]
    lines += ["Accept: a/b;q=0.1"] * 500
    answer = service.ask("\r\n".join([*lines, "", ""]).encode())
    assert answer.status_code == 431


@pytest.mark.parametrize("path", ["/pronounce/a", "/livez", "/lexicon", "/"])
def test_a_query_beyond_its_limit_is_refused(service, path):
    answer = service.ask(get(f"{path}?" + "&".join("a" * 7 for _ in range(QUERY_BYTES // 7))))
    assert answer.status_code == 414
    assert answer.json()["code"] == "query_too_long"


@pytest.mark.parametrize(
    "accept",
    [
        'a/b;x="' + ";" * 1000,
        ",".join(["a/b;q=0.1"] * 100),
        "a/b" + ";p=1" * 250,
        '"' * 1000,
        "a/b;" + '\\"' * 500,
        "/" * 1000,
    ],
)
def test_no_accept_that_is_short_enough_takes_long(service, accept):
    """Refusals, too, are kept: another hundred of the same cost nothing."""
    with httpx.Client(base_url=service.url) as client:
        client.get("/livez")
        started = time.process_time()
        for _ in range(20):
            client.post("/pronounce", json={"words": ["a"]}, headers={"Accept": accept})
        assert time.process_time() - started < 2
        statuses = {
            client.post(
                "/pronounce", json={"words": ["bad"]}, headers={"Accept": accept}
            ).status_code
            for _ in range(3)
        }
    assert statuses <= {200, 406}
