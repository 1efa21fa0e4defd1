import os
import shutil

import httpx
import pytest

from tanger.service.api_keys import Keys, KeysError, UnauthorizedError
from tanger.service.errors import ForbiddenError
from tanger.service.server import main
from tanger.service.settings import Settings
from tests.support.live_service import eventually, get, post, running

FIRST, SECOND, THIRD = "first-key-of-several", "second-key-of-several", "third-key-of-several"


def request(**headers):
    return [(name.replace("_", "-").lower().encode(), v.encode()) for name, v in headers.items()]


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
    ("content", "reported"),
    [
        ("", "holds no API key"),
        ("# none yet\n\n", "holds no API key"),
        ("short\n", ":1: an API key is 16 to 512"),
        (f"{FIRST}\ntwo words, no key at all\n", ":2: an API key is"),
        ("schlüssel-mit-umlaut\n", ":1: an API key is"),
    ],
)
def test_a_file_that_is_of_no_use_is_named_and_its_keys_are_not(
    tmp_path, capsys, content, reported
):
    path = tmp_path / "keys"
    path.write_text(content)
    with pytest.raises(KeysError) as refused:
        Keys.read(Settings(api_keys_file=path))
    assert f"{path}" in str(refused.value)
    assert reported in str(refused.value)
    assert not any(line in str(refused.value) for line in content.split("\n") if line)
    assert main(["--api-keys-file", str(path)]) == 1
    assert reported in capsys.readouterr().err


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
    "path", ["/pronounce/bad", "/info", "/metrics", "/docs/", "/lexicon", "/nowhere", "/livez/"]
)
def test_without_a_key_nothing_is_reported(guarded, path):
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


def test_a_key_is_requested_before_the_body_is_read(guarded):
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
    done = httpx.post(url, headers={"X-API-Key": FIRST}, timeout=60)
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
    assert "answers now, but the old API keys stay" in refused.json()["detail"]
    assert httpx.get(f"{guarded.url}/info", headers={"X-API-Key": THIRD}).status_code == 200


def test_reload_is_off_without_keys(tiny_artifact, tmp_path):
    with running(tmp_path / "log", artifact=tiny_artifact) as service:
        service.wait_until_ready()
        answer = httpx.post(f"{service.url}/admin/reload", headers={"X-API-Key": FIRST})
        assert answer.status_code == 403
        assert answer.json()["code"] == "off"
        for path in ("/docs", "/info", "/pronounce/bad"):
            assert service.ask(get(path)).status_code == 200


# Rotation


def status_of(service, key):
    return httpx.get(f"{service.url}/info", headers={"X-API-Key": key}).status_code


@pytest.fixture
def rotating(tiny_artifact, tmp_path):
    """A service with a key in a file, whose artifact may be damaged."""
    artifact, keys = tmp_path / "artifact", tmp_path / "keys"
    shutil.copytree(tiny_artifact, artifact)
    keys.write_text(f"{FIRST}\n")
    with running(tmp_path / "log", artifact=artifact, api_keys_file=keys) as service:
        service.wait_until_ready()
        service.artifact, service.keys_file = artifact, keys
        yield service
        assert service.stop() == 0
        for key in (FIRST, SECOND, THIRD):
            assert key not in service.log


def test_keys_change_by_themselves_whatever_the_weights_are(rotating):
    weights = rotating.artifact / "weights.safetensors"
    assert weights.exists()
    weights.write_bytes(weights.read_bytes()[:-100])
    rotating.keys_file.write_text(f"{SECOND}\nphone: {THIRD}\n")
    eventually(lambda: status_of(rotating, SECOND) == 200, "the new key", seconds=10)
    assert status_of(rotating, FIRST) == 401, "a revoked key stops"
    rotating.wait_for_log("2 API keys loaded")
    refused = httpx.post(f"{rotating.url}/admin/reload", headers={"X-API-Key": SECOND}, timeout=60)
    assert refused.status_code == 409
    assert "the previous model stays" in refused.json()["detail"]
    assert "API keys" not in refused.json()["detail"]


def test_a_reload_that_the_weights_refuse_takes_new_keys_at_once(rotating):
    (rotating.artifact / "weights.safetensors").write_bytes(b"")
    rotating.keys_file.write_text(f"{SECOND}\n")
    reload = {"url": f"{rotating.url}/admin/reload", "timeout": 60}
    tried = [httpx.post(**reload, headers={"X-API-Key": key}) for key in (FIRST, FIRST)]
    assert {answer.status_code for answer in tried} <= {401, 409}
    assert tried[-1].status_code == 401
    assert (status_of(rotating, FIRST), status_of(rotating, SECOND)) == (401, 200)


def test_a_bad_file_of_keys_leaves_the_old_ones_and_says_so(rotating):
    def metrics():
        return httpx.get(f"{rotating.url}/metrics", headers=headers).text

    old, new = FIRST, SECOND
    for number, fault in enumerate(["short\n", "", "gone", "\udcff"], start=1):
        headers = {"X-API-Key": old}
        assert "tanger_api_keys 1.0" in metrics()
        assert "tanger_api_keys_stale 0.0" in metrics()
        if fault == "gone":
            rotating.keys_file.unlink()
        else:
            rotating.keys_file.write_text(fault, errors="surrogateescape")
        eventually(lambda: "tanger_api_keys_stale 1.0" in metrics(), f"{fault!r} to be seen")
        eventually(
            lambda n=number: (
                rotating.log.count(f"the old API keys stay: {rotating.keys_file}") == n
            ),
            "it to be logged",
        )
        assert f'tanger_key_reloads_total{{outcome="refused"}} {number}.0' in metrics()
        rotating.keys_file.write_text(f"{new}\n")
        eventually(lambda key=new: status_of(rotating, key) == 200, "the new key")
        assert status_of(rotating, old) == 401
        headers = {"X-API-Key": new}
        assert "tanger_api_keys_stale 0.0" in metrics()
        assert f'tanger_key_reloads_total{{outcome="done"}} {number}.0' in metrics()
        old, new = new, old


def test_new_keys_in_a_file_of_the_same_size_and_time_count(rotating):
    before = rotating.keys_file.stat()
    rotating.keys_file.write_text(f"{FIRST[::-1]}\n")
    os.utime(rotating.keys_file, ns=(before.st_atime_ns, before.st_mtime_ns))
    eventually(lambda: status_of(rotating, FIRST[::-1]) == 200, "the new key")
    assert status_of(rotating, FIRST) == 401


# Names


def test_the_log_has_the_name_of_a_key_and_the_address_of_a_client(tiny_artifact, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text(f"\nphone: {SECOND}\nold:{THIRD}\n")
    settings = {"api_keys": f"{FIRST}, web:\t{FIRST}x", "api_keys_file": keys}
    with running(tmp_path / "log", artifact=tiny_artifact, **settings) as service:
        service.wait_until_ready()
        # What is no name and a space is part of the key, as it has always been
        for number, key in enumerate([FIRST, f"{FIRST}x", SECOND, f"old:{THIRD}", "wrong", ""]):
            headers = {"X-Request-ID": f"r{number}", **({"X-API-Key": key} if key else {})}
            httpx.get(f"{service.url}/info", headers=headers)
        assert status_of(service, THIRD) == 401
        lines = [service.request_line(f"r{number}") for number in range(6)]
    assert [(line["key"], line["client"], line["status"]) for line in lines] == [
        ("api_keys:1", "127.0.0.1", 200),
        ("web", "127.0.0.1", 200),
        ("phone", "127.0.0.1", 200),
        (f"{keys}:3", "127.0.0.1", 200),
        (None, "127.0.0.1", 401),
        (None, "127.0.0.1", 401),
    ]
    assert FIRST not in service.log


def test_a_trusted_proxy_tells_the_client(tiny_artifact, tmp_path):
    for trusted, client in (("", "127.0.0.1"), ("127.0.0.0/8", "192.0.2.7")):
        log = tmp_path / f"log{bool(trusted)}"
        with running(log, artifact=tiny_artifact, trusted_proxies=trusted) as service:
            headers = {"X-Forwarded-For": "192.0.2.7", "X-Request-ID": "forwarded"}
            httpx.get(f"{service.url}/livez", headers=headers)
            assert service.request_line("forwarded")["client"] == client


# Public routes


def test_the_documentation_is_public_unless_the_setting_leaves_it_out(guarded, tmp_path):
    for path in ("/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/openapi.json"):
        assert guarded.ask(get(path)).status_code == 200
    document = guarded.ask(get("/openapi.json")).json()
    schemes = document["components"]["securitySchemes"]
    assert schemes["bearer"]["scheme"] == "bearer"
    assert schemes["api_key"]["name"] == "X-API-Key"
    assert document["security"] == [{"bearer": []}, {"api_key": []}]
    assert document["paths"]["/livez"]["get"]["security"] == []
    assert "security" not in document["paths"]["/pronounce"]["post"]


def test_templates_are_matched_as_routes_are(tiny_artifact, tmp_path):
    public = "/pronounce/{word}, /lexicon/tanger,/info"
    settings = {"api_keys": FIRST, "public_routes": public}
    with running(tmp_path / "log", artifact=tiny_artifact, **settings) as service:
        eventually(lambda: httpx.get(f"{service.url}/pronounce/bad").status_code == 200, "a worker")
        for path in ("/pronounce/a%2Fb", "/pronounce/a/b", "/pronounce/%0A", "/info"):
            assert service.ask(get(path)).status_code == 200, path
        assert httpx.head(f"{service.url}/pronounce/bad").status_code == 200
        for path in ("/pronounce", "/livez", "/docs", "/openapi.json", "/lexicon", "/nowhere"):
            assert service.ask(get(path)).status_code == 401, path
        # What needs a key itself needs it all the same
        assert service.ask(get("/lexicon/tanger")).status_code == 401
        headers = {"X-API-Key": FIRST}
        document = httpx.get(f"{service.url}/openapi.json", headers=headers).json()
        assert document["paths"]["/pronounce/{word}"]["get"]["security"] == []


@pytest.mark.parametrize(
    "entry", ["/nowhere", "livez", "/livez/", "/pronounce/{wort}", "/pronounce/*", "/docs/"]
)
def test_a_public_route_that_there_is_not_ends_the_start(tiny_artifact, capsys, entry):
    arguments = ["--artifact", str(tiny_artifact), "--public-routes", f"/livez,{entry}"]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert f"error: public_routes: {entry!r} is none of the routes here: " in error
    assert "/pronounce/{word}" in error
    assert "/livez" in error
