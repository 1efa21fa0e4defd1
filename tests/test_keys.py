import httpx
import pytest
from live_service import get, post, running
from starlette.requests import Request

from service.keys import Keys, KeysError
from service.problems import ForbiddenError, UnauthorizedError
from service.server import main
from service.settings import Settings

FIRST, SECOND, THIRD = "first-key-of-several", "second-key-of-several", "third-key-of-several"


def request(**headers):
    raw = [(name.replace("_", "-").lower().encode(), v.encode()) for name, v in headers.items()]
    return Request({"type": "http", "headers": raw})


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys"
    path.write_text(f"# those of the lab\n\n{SECOND}\n  {THIRD}  \n")
    return Keys.read(Settings(api_keys=FIRST, api_keys_file=path))


@pytest.mark.parametrize("key", [FIRST, SECOND, THIRD])
def test_any_of_the_keys_is_good(keys, key):
    for scheme in ("Bearer", "bearer", "BEARER"):
        keys.check(request(Authorization=f"{scheme} {key}"))
    keys.check(request(X_API_Key=key))
    keys.check(request(X_API_Key=f"{key} \t"))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {FIRST}"},
        {"Authorization": f"Bearer {FIRST}x"},
        {"Authorization": f"Bearer {FIRST[:-1]}"},
        {"Authorization": f"{FIRST}"},
        {"X_API_Key": ""},
        {"X_API_Key": f"{FIRST},{SECOND}"},
        {"X_API_Key": FIRST.upper()},
        {"X_API_Key": "é" * 20},
    ],
)
def test_anything_else_is_not(keys, headers):
    with pytest.raises(UnauthorizedError) as refused:
        keys.check(request(**headers))
    assert FIRST not in str(refused.value)


def test_without_keys_what_needs_one_is_off():
    assert not Keys([])
    with pytest.raises(ForbiddenError, match="no API key is configured"):
        Keys([]).require(request(X_API_Key=FIRST))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "holds no API key"),
        ("# none yet\n\n", "holds no API key"),
        ("short\n", ":1: an API key is 16 to 512"),
        (f"{FIRST}\ntwo words, no key at all\n", ":2: an API key is"),
        ("schlüssel-mit-umlaut\n", ":1: an API key is"),
    ],
)
def test_a_file_that_is_of_no_use_is_named_and_its_keys_are_not(tmp_path, capsys, content, told):
    path = tmp_path / "keys"
    path.write_text(content)
    with pytest.raises(KeysError) as refused:
        Keys.read(Settings(api_keys_file=path))
    assert f"{path}" in str(refused.value)
    assert told in str(refused.value)
    assert not any(line in str(refused.value) for line in content.split("\n") if line)
    assert main(["--api-keys-file", str(path)]) == 1
    assert told in capsys.readouterr().err


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(KeysError, match="cannot be read"):
        Keys.read(Settings(api_keys_file=tmp_path / "none"))


def test_settings_do_not_show_their_keys():
    settings = Settings(api_keys=FIRST)
    assert FIRST not in repr(settings) + str(settings) + settings.model_dump_json()


@pytest.fixture(scope="module")
def guarded(tiny_artifact, tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    (folder / "keys").write_text(f"{SECOND}\n")
    settings = {"api_keys": FIRST, "api_keys_file": folder / "keys", "log_level": "debug"}
    with running(folder / "log", artifact=tiny_artifact, **settings) as service:
        service.wait_until_ready()
        service.keys_file = folder / "keys"
        yield service
        assert service.stop() == 0
        assert FIRST not in service.log
        assert SECOND not in service.log


@pytest.mark.parametrize(
    "path", ["/pronounce/bad", "/info", "/metrics", "/docs", "/openapi.json", "/nowhere", "/livez/"]
)
def test_without_a_key_nothing_is_told(guarded, path):
    answer = guarded.ask(get(path))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["code"] == "unauthorized"
    assert "X-API-Key" in body["detail"]
    assert body["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/startupz", "/health"])
def test_probes_need_no_key(guarded, path):
    assert guarded.ask(get(path)).status_code == 200


def test_a_key_is_asked_for_before_the_body_is_read(guarded):
    answer = guarded.ask(post(b'{"words": [', Content_Length=1000))
    assert answer.status_code == 401


def test_with_a_key_words_are_pronounced(guarded):
    for headers in ({"Authorization": f"Bearer {FIRST}"}, {"X_API_Key": SECOND}):
        answer = guarded.ask(get("/pronounce/bad", **headers))
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "private, max-age=300"


def test_reload_by_route_and_keys_that_change_with_it(guarded):
    url = f"{guarded.url}/admin/reload"
    assert httpx.post(url).status_code == 401
    guarded.keys_file.write_text(f"{THIRD}\n")
    assert httpx.get(f"{guarded.url}/info", headers={"X-API-Key": THIRD}).status_code == 401
    done = httpx.post(url, headers={"X-API-Key": SECOND}, timeout=60)
    assert done.status_code == 200, done.text
    info = httpx.get(f"{guarded.url}/info", headers={"X-API-Key": THIRD})
    assert info.status_code == 200
    assert done.json() == info.json()["model"]
    assert httpx.get(f"{guarded.url}/info", headers={"X-API-Key": SECOND}).status_code == 401
    guarded.keys_file.write_text("short\n")
    refused = httpx.post(url, headers={"X-API-Key": THIRD}, timeout=60)
    assert refused.status_code == 409
    assert refused.json()["code"] == "reload_failed"
    assert "an API key is 16" in refused.json()["detail"]
    assert httpx.get(f"{guarded.url}/info", headers={"X-API-Key": THIRD}).status_code == 200


def test_reload_is_off_without_keys(tiny_artifact, tmp_path):
    with running(tmp_path / "log", artifact=tiny_artifact) as service:
        service.wait_until_ready()
        answer = httpx.post(f"{service.url}/admin/reload", headers={"X-API-Key": FIRST})
        assert answer.status_code == 403
        assert answer.json()["code"] == "off"
        for path in ("/docs", "/info", "/pronounce/bad"):
            assert service.ask(get(path)).status_code == 200
