"""The user lexicon's file locked, full, read-only, removed or damaged, behind the real service."""

import asyncio
import fcntl
import random
import sqlite3
import subprocess
import threading
import time
from contextlib import closing, contextmanager, suppress

import httpx
import pytest

from tanger.model.lexicon import Entry, Row, Variant
from tanger.service.user_lexicon.errors import (
    UserLexiconBusyError,
    UserLexiconError,
    UserLexiconStorageError,
)
from tanger.service.user_lexicon.store import UserLexicon
from tanger.service.user_lexicon.transfer import Staged
from tests.support.live_service import eventually, get, running

KEY = "a-key-of-the-failure-tests"
HEADERS = {"X-API-Key": KEY}
# The locks of SQLite's write-ahead log stand in its shared memory (sqlite.org/walformat.html)
_LOCKS, _FIRST_LOCK = 8, 120


@contextmanager
def serving(artifact, folder, log, **settings):
    settings = {"api_keys": KEY, "user_lexicon": folder / "words.db", **settings}
    with running(log, artifact=artifact, builtin_lexicon="off", **settings) as service:
        service.wait_until_ready()
        with httpx.Client(base_url=service.url, headers=HEADERS, timeout=60) as client:
            yield service, client


@contextmanager
def readers_locked_out(folder):
    with (folder / "words.db-shm").open("r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX, _LOCKS, _FIRST_LOCK)
        try:
            yield
        finally:
            fcntl.lockf(file, fcntl.LOCK_UN, _LOCKS, _FIRST_LOCK)


@contextmanager
def writers_locked_out(folder):
    with closing(sqlite3.connect(folder / "words.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def put(client, word, text="T", **headers):
    return client.put(f"/lexicon/{word}", json={"pronunciations": [text]}, headers=headers)


def assert_problem(answer, code, *parts):
    assert (answer.status_code, answer.json()["code"]) == (503, code), answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    assert all(part in answer.json()["detail"] for part in parts), answer.text


# Locked


def test_a_locked_file_keeps_no_other_request_waiting(tiny_artifact, tmp_path):
    with serving(tiny_artifact, tmp_path, tmp_path / "log") as (service, client):
        assert put(client, "bed").status_code == 201
        paths = ["/pronounce/bed?source=auto", "/pronounce/bed?source=lexicon", "/lexicon/bed"] * 4

        with readers_locked_out(tmp_path):
            exchanges = [service.send(get(path, **HEADERS)) for path in paths]
            slowest = 0.0
            while not all(exchange.answered() for exchange in exchanges):
                begun = time.perf_counter()
                assert service.ask(get("/livez")).status_code == 200
                assert service.ask(get("/pronounce/bad", **HEADERS)).status_code == 200
                slowest = max(slowest, time.perf_counter() - begun)
                time.sleep(0.05)
        for exchange in exchanges:
            assert_problem(exchange.answer(), "user_lexicon_busy", "try again")
        # On the event loop each of them would have waited for seconds, one after the other
        assert slowest < 2, "the event loop waits for no lock"
        eventually(
            lambda: client.get("/pronounce/bed?source=auto").status_code == 200, "the lock's end"
        )
        assert client.get("/lexicon/bed").json()["pronunciations"] == ["T"]
        assert service.stop() == 0


def test_a_write_waits_for_a_lock_until_its_deadline(tiny_artifact, tmp_path):
    with serving(tiny_artifact, tmp_path, tmp_path / "log") as (_, client):
        assert put(client, "bed").status_code == 201
        with writers_locked_out(tmp_path):
            begun = time.monotonic()
            refused = put(client, "bed", "B", **{"X-Request-Timeout": "0.5"})
            assert_problem(refused, "user_lexicon_busy", "try again")
            refused = client.delete("/lexicon/bed", headers={"X-Request-Timeout": "0.5"})
            assert_problem(refused, "user_lexicon_busy")
            taken = client.post(
                "/lexicon?format=tsv", content=b"bad\tB", headers={"X-Request-Timeout": "0.5"}
            )
            assert_problem(taken, "user_lexicon_busy")
            assert time.monotonic() - begun < 8
            assert client.get("/lexicon/bed").json()["pronunciations"] == ["T"]
        assert put(client, "bed", "B").status_code == 200


def test_a_write_that_waits_for_an_import_has_a_deadline(tmp_path):
    store = UserLexicon(tmp_path / "words.db")
    staged = Staged(store)
    staged.add(Row(0, Entry("bed", ("T",))))
    begun, go = threading.Event(), threading.Event()
    rows = staged.rows

    def slow_rows():
        begun.set()
        go.wait(60)
        yield from rows()

    staged.rows = slow_rows

    async def run():
        taking = asyncio.create_task(store.take(staged.rows, replace=True))
        await asyncio.to_thread(begun.wait, 60)
        with pytest.raises(UserLexiconBusyError, match=r"other writes .* took over 0\.1 s"):
            await store.put("bad", [Variant(("B",))], timeout=0.1)
        go.set()
        await taking
        assert await store.put("tab", [Variant(("T",))])

    asyncio.run(run())
    assert sorted(store.find(["bed", "bad", "tab"])) == ["bed", "tab"]
    staged.close()
    store.close()


# Full


def test_a_full_database_is_a_storage_problem_and_nothing_is_lost(tmp_path):
    store = UserLexicon(tmp_path / "words.db")
    asyncio.run(store.put("bed", [Variant(("T",))]))
    (pages,) = store._writer.execute("PRAGMA page_count").fetchone()
    store._writer.execute(f"PRAGMA max_page_count = {pages + 2}")
    staged = Staged(store)
    for number in range(5000):
        staged.add(Row(0, Entry(f"w{number}", ("T", "B"))))
    revision = store.revision()
    with pytest.raises(UserLexiconStorageError, match="no room on the disk"):
        asyncio.run(store.take(staged.rows, replace=True))
    assert store.revision() == revision
    assert sorted(store.find(["bed", "w1"])) == ["bed"]
    store._writer.execute(f"PRAGMA max_page_count = {pages + 1000}")
    asyncio.run(store.take(staged.rows, replace=False))
    assert sorted(store.find(["bed", "w1"])) == ["bed", "w1"]
    staged.close()
    store.close()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of two megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip(f"no file system can be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def lexicon(entries):
    draw = random.Random(7)
    return "".join(f"w{n}\t{' '.join(draw.choices('TBDG', k=20))}\n" for n in range(entries))


def test_a_disk_that_fills_up_during_an_import(tiny_artifact, tmp_path, small_disk):
    with serving(tiny_artifact, small_disk, tmp_path / "log") as (service, client):
        assert put(client, "bed", "B EH D").status_code == 201
        for entries in (20_000, 80_000):  # too large for the database; for the file that comes
            refused = client.post("/lexicon?format=tsv", content=lexicon(entries))
            assert_problem(refused, "user_lexicon_storage")
            assert client.get("/lexicon/bed").json()["pronunciations"] == ["B EH D"]
            assert client.get("/lexicon/w1").status_code == 404
        assert put(client, "bad", "B AE D").status_code == 201, "there is room again"
        assert client.post("/lexicon?format=tsv", content=lexicon(3000)).status_code == 200
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):
            while file.write(bytes(4096)):
                pass
        assert_problem(client.get("/lexicon?format=tsv"), "user_lexicon_storage", "no room")
        refused = client.post("/lexicon?format=tsv&replace=true", content=lexicon(5000))
        assert_problem(refused, "user_lexicon_storage")
        ballast.unlink()
        exported = client.get("/lexicon?format=tsv").text
        assert "bed\tB EH D\n" in exported
        assert len(exported.splitlines()) == 3002
        assert "Traceback" not in service.log
        assert service.stop() == 0


# Read-only, removed, damaged


def test_a_disk_that_becomes_read_only(tiny_artifact, tmp_path, small_disk):
    with serving(tiny_artifact, small_disk, tmp_path / "log") as (service, client):
        assert put(client, "bed", "B EH D").status_code == 201
        service.stop()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    log = tmp_path / "second"
    settings = {"api_keys": KEY, "user_lexicon": small_disk / "words.db"}
    with running(log, artifact=tiny_artifact, **settings) as service:
        assert service.wait() == 1
        reason = service.wait_for_log("the user lexicon cannot be opened")
        assert "read-only" in reason or "missing or cannot be opened" in reason
        assert "Traceback" not in service.log


def test_a_file_that_cannot_be_written(tmp_path):
    store = UserLexicon(tmp_path / "words.db")
    asyncio.run(store.put("bed", [Variant(("T",))]))
    store._writer.execute("PRAGMA query_only = ON")  # SQLite answers as for a read-only file
    with pytest.raises(UserLexiconStorageError, match="make both writable"):
        asyncio.run(store.put("bed", [Variant(("B",))]))
    store._writer.execute("PRAGMA query_only = OFF")
    assert asyncio.run(store.put("bed", [Variant(("B",))])) is False
    store.close()


@pytest.mark.parametrize("fault", ["removed", "replaced"])
def test_a_file_that_is_gone_is_not_written_to(tiny_artifact, tmp_path, fault):
    path, aside = tmp_path / "words.db", tmp_path / "aside.db"
    with serving(tiny_artifact, tmp_path, tmp_path / "log") as (service, client):
        assert put(client, "bed", "B EH D").status_code == 201
        path.rename(aside)
        if fault == "replaced":
            path.write_bytes(aside.read_bytes())
        for refused in (
            put(client, "bad"),
            client.delete("/lexicon/bed"),
            client.post("/lexicon?format=tsv", content="bad\tB"),
            client.get("/lexicon?format=tsv"),
        ):
            assert_problem(refused, "user_lexicon_storage", "removed or replaced")
        assert path.exists() == (fault == "replaced"), "nothing is made in its place"
        aside.replace(path)
        assert put(client, "bad", "B AE D").status_code == 201
        assert service.stop() == 0
    with serving(tiny_artifact, tmp_path, tmp_path / "log2") as (_, client):
        assert client.get("/lexicon?format=tsv").text == "bad\tB AE D\nbed\tB EH D\n"


def test_a_damaged_file(tiny_artifact, tmp_path):
    path = tmp_path / "words.db"
    with serving(tiny_artifact, tmp_path, tmp_path / "log") as (service, client):
        assert client.post("/lexicon?format=tsv", content=lexicon(3000)).status_code == 200
        assert service.stop() == 0
    with closing(sqlite3.connect(path)) as database:  # pages that are read at the start
        small = database.execute("SELECT rootpage FROM sqlite_schema WHERE name != 'entries'")
        kept = {1, *(root for (root,) in small)}
    content = bytearray(path.read_bytes())
    for place in range(0, len(content), 4096):
        if place // 4096 + 1 not in kept:
            content[place : place + 200] = b"\xff" * 200
    path.write_bytes(content)
    with running(
        tmp_path / "log2", artifact=tiny_artifact, api_keys=KEY, user_lexicon=path
    ) as service:
        service.wait_until_ready()
        with httpx.Client(base_url=service.url, headers=HEADERS, timeout=60) as client:
            for refused in (
                client.get("/pronounce/w1?source=auto"),
                client.get("/lexicon/w1"),
                client.get("/lexicon?format=tsv"),
                put(client, "w1"),
            ):
                assert_problem(refused, "user_lexicon_storage", "damaged")
            assert client.get("/pronounce/bed?source=model").status_code == 200
        assert "Traceback" not in service.log


def test_a_file_without_its_state_is_damaged(tmp_path):
    store = UserLexicon(tmp_path / "words.db")
    with closing(sqlite3.connect(tmp_path / "words.db")) as other, other:
        other.execute("DELETE FROM state")
    with pytest.raises(UserLexiconStorageError, match="its state is missing"):
        store.revision()
    with closing(sqlite3.connect(tmp_path / "words.db")) as other, other:
        other.execute("DROP TABLE state")
    with pytest.raises(UserLexiconError, match="no such table"):
        store.revision()
    store.close()
