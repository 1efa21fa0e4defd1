"""People's own words in a real SQLite file."""

import asyncio
import sqlite3
import subprocess
import threading
from contextlib import closing, contextmanager

import pytest

from tanger.model.lexicon import Entry, EntryError, Row, Variant
from tanger.model.lexicon.index import lexicon_key
from tanger.model.phonology.phoneme_set import Inventory
from tanger.service.user_lexicon.errors import UserLexiconError
from tanger.service.user_lexicon.read_only import ReadOnlyLexicon
from tanger.service.user_lexicon.store import LONGEST, FullEntryError, UserLexicon
from tanger.service.user_lexicon.transfer import Staged

INVENTORY = Inventory(["T", "AE", "NG", "ER"])


@contextmanager
def opened(path):
    store = UserLexicon(path)
    try:
        yield store
    finally:
        store.close()


@pytest.fixture
def store(tmp_path):
    with opened(tmp_path / "words.db") as store:
        yield store


def put(store, word, *pronunciations):
    return asyncio.run(store.put(word, [variant(text) for text in pronunciations]))


def variant(text):
    return Variant(tuple(text.split()))


def delete(store, word):
    return asyncio.run(store.delete(word))


def get(store, word):
    found = store.get(word)
    return found and (found.spellings, [" ".join(phonemes) for phonemes in found.pronunciations])


def take(store, *entries, replace=False):
    staged = Staged(store)
    for word, phonemes in entries:
        staged.add(Row(1, Entry(word, tuple(phonemes.split()))))
    try:
        asyncio.run(store.take(staged.rows, replace=replace))
    finally:
        staged.close()


def export(store, format):
    with store.export(format, INVENTORY, "arpabet") as file:
        return file.read().decode()


def test_a_word_is_put_replaced_and_deleted(store):
    assert get(store, "tanger") is None
    assert put(store, "Tanger", "T AE1 NG ER", "T NG", "T AE1 NG ER") is True
    for requested in ("tanger", "TANGER", " Tanger "):
        assert get(store, requested) == (("Tanger",), ["T AE1 NG ER", "T NG"])
    assert put(store, "tanger", "T") is False
    assert get(store, "TANGER") == (("tanger",), ["T"])
    assert delete(store, "TANGER") is True
    assert get(store, "tanger") is None
    assert delete(store, "tanger") is False


def test_words_that_differ_in_case_alone_are_kept_apart_where_they_came_apart(store):
    take(store, ("polish", "T"), ("Polish", "NG"))
    assert get(store, "polish") == (("polish",), ["T"])
    assert get(store, "Polish") == (("Polish",), ["NG"])
    assert get(store, "POLISH") == (("Polish", "polish"), ["NG", "T"])
    put(store, "polish", "ER")
    assert get(store, "Polish") == (("Polish",), ["NG"])
    put(store, "POLISH", "AE")  # in place of both, which is what it had found
    assert get(store, "polish") == get(store, "POLISH") == (("POLISH",), ["AE"])


def test_all_of_it_is_there_when_it_is_opened_again(tmp_path):
    with opened(tmp_path / "words.db") as store:
        put(store, "слово", "T")
        revision = store.revision()
    with opened(tmp_path / "words.db") as store:
        assert get(store, "Слово") == (("слово",), ["T"])
        assert store.revision() == revision


def test_every_write_is_another_revision(store):
    revisions = [store.revision()]
    for write in (
        lambda: put(store, "a", "T"),
        lambda: put(store, "a", "T"),
        lambda: take(store, ("b", "T")),
        lambda: delete(store, "a"),
    ):
        write()
        revisions.append(store.revision())
    assert len(set(revisions)) == len(revisions)


def test_two_that_have_it_open_see_each_others_words(tmp_path):
    with opened(tmp_path / "words.db") as one, opened(tmp_path / "words.db") as other:
        put(one, "a", "T")
        assert get(other, "a") == (("a",), ["T"])
        put(other, "a", "NG")
        assert get(one, "a") == (("a",), ["NG"])
        assert one.revision() == other.revision()


def test_many_keys_at_once(store):
    take(store, *((f"w{n}", "T") for n in range(1000)))
    found = store.find([f"w{n}" for n in range(0, 2000, 2)] + ["\0", "w1\0", "\ud800"])
    assert sorted(found) == sorted(f"w{n}" for n in range(0, 1000, 2))


# Whole lexicons


def test_what_comes_takes_the_place_of_its_words_or_of_all(store):
    put(store, "a", "T", "NG")
    put(store, "b", "T")
    take(store, ("A", "AE"), ("c", "T"), ("a", "ER"), ("c", "NG"), ("c", "T"))
    assert get(store, "b") == (("b",), ["T"])
    assert get(store, "c") == (("c",), ["T", "NG"])
    assert get(store, "a") == (("a",), ["ER"])
    assert get(store, "A") == (("A",), ["AE"])
    take(store, ("d", "T"), replace=True)
    assert [get(store, word) for word in "abc"] == [None, None, None]
    assert get(store, "d") == (("d",), ["T"])


def test_what_fails_in_the_middle_changes_nothing(store):
    put(store, "a", "T")
    revision = store.revision()
    many = [("b", "T" + " T" * n) for n in range(300)]
    assert sum(len(phonemes) for _, phonemes in many) > LONGEST
    with pytest.raises(FullEntryError, match="'b' has more pronunciations"):
        take(store, ("a", "NG"), *many, ("c", "T"), replace=True)
    assert get(store, "a") == (("a",), ["T"])
    assert get(store, "c") is None
    assert store.revision() == revision
    put(store, "c", "T")  # and the next write finds no transaction open


def test_a_staged_file_that_is_gone_changes_nothing(store):
    put(store, "a", "T")
    staged = Staged(store)
    staged.add(Row(1, Entry("b", ("T",))))
    staged.close()
    with pytest.raises(ValueError, match="closed file"):
        asyncio.run(store.take(staged.rows, replace=True))
    assert get(store, "a") == (("a",), ["T"])


def test_export_is_in_the_order_of_the_words(store):
    take(store, ("b", "T AE1"), ("a", "NG"), ("A", "T"), ("b", "T"))
    assert export(store, "cmudict") == "A  T\na  NG\nb  T AE1\nb(1)  T\n"
    assert export(store, "kaldip") == "A 1.0 T\na 1.0 NG\nb 1.0 T AE1\nb 1.0 T\n"
    assert 'alphabet="x-arpabet"' in export(store, "pls")


def test_a_format_that_cannot_hold_an_entry_refuses_the_export(store, tmp_path):
    put(store, "new york", "T")
    with pytest.raises(EntryError, match="new york"):
        export(store, "kaldi")
    assert "<grapheme>new york</grapheme>" in export(store, "pls")
    assert all(path.name.startswith("words.db") for path in tmp_path.iterdir())


# Side by side


def test_readers_never_wait_for_a_writer_and_see_all_of_a_write_or_nothing(tmp_path):
    with opened(tmp_path / "words.db") as store:
        put(store, "a", "T", "T T")
        put(store, "b", "T", "T T")
        stop, seen, failures = threading.Event(), set(), []

        def read():
            try:
                with opened(tmp_path / "words.db") as reader:
                    while not stop.is_set():
                        found = reader.find(["a", "b"])
                        seen.add(tuple(" ".join(e.phonemes) for _, e in found["a"] + found["b"]))
            except Exception as e:
                failures.append(e)

        threads = [threading.Thread(target=read) for _ in range(3)]
        for thread in threads:
            thread.start()
        for n in range(60):
            text = "NG" if n % 2 else "ER"
            take(store, *((word, text) for word in "ab"), *((f"w{n}", "T") for n in range(500)))
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures
    assert seen <= {("T", "T T") * 2, ("NG", "NG"), ("ER", "ER")}
    assert len(seen) > 1


def test_writers_in_several_processes_queue_up(tmp_path):
    with opened(tmp_path / "words.db") as one, opened(tmp_path / "words.db") as other:

        async def write(store, word):
            for n in range(40):
                await store.put(f"{word}{n}", [variant("T")])

        async def both():
            await asyncio.gather(write(one, "a"), write(other, "b"), write(one, "c"))

        asyncio.run(both())
        keys = [f"{word}{n}" for word in "abc" for n in range(40)]
        assert len(one.find(keys)) == len(other.find(keys)) == 120


# Other files


@pytest.mark.parametrize("fault", ["foreign", "newer", "no database", "a folder", "no folder"])
def test_what_is_no_user_lexicon_is_left_alone(tmp_path, fault):
    path = tmp_path / "words.db"
    reported = {
        "foreign": "is not a user lexicon",
        "newer": "is of version 3, this tanger reads 2",
        "no database": "cannot be opened: file is not a database",
        "a folder": "cannot be opened: unable to open",
        "no folder": "cannot be opened: unable to open",
    }[fault]
    if fault == "foreign":
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE entries (x)")
    elif fault == "newer":
        with opened(path):
            pass
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 3")
    elif fault == "no database":
        path.write_text("TANGER  T AE NG ER\n" * 100)
    elif fault == "a folder":
        path.mkdir()
    else:
        path = tmp_path / "none" / "words.db"
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(UserLexiconError, match=reported) as refused:
        UserLexicon(path)
    assert str(path) in str(refused.value)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_file_of_version_1_is_read_and_written_on(tmp_path):
    path = tmp_path / "words.db"
    with opened(path) as store:
        put(store, "a", "T", "NG")
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 1")
    with opened(path) as store:
        assert get(store, "a") == (("a",), ["T", "NG"])
        asyncio.run(store.put("b", [Variant(("T",), sense="noun")]))
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)


def test_probabilities_senses_and_aliases_are_kept(store):
    variants = [
        Variant(("T",), (0.5, 0.25, 1.0, 2.5)),
        Variant(("AE1",), sense="noun read_past"),
        Variant((), alias='tanger "\\ \u2028'),
        Variant(("T",), (0.25,)),
    ]
    asyncio.run(store.put("a", variants))
    assert sorted(store.get("a").variants, key=variants.index) == variants
    assert store.get("a").variants == (variants[1], variants[2], variants[0], variants[3])


def test_the_file_is_written_through_to_the_disk(store):
    # 2 is FULL: in WAL mode a commit then waits until the log is on the disk (sqlite.org/pragma)
    assert store._writer.execute("PRAGMA synchronous").fetchone() == (2,)
    assert store._writer.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_keys_are_those_of_spelling(store):
    put(store, " N’T ", "T")
    with closing(sqlite3.connect(store.path)) as connection:
        rows = connection.execute("SELECT key, word FROM entries").fetchall()
    assert rows == [(lexicon_key("n't"), "N’T")]


@contextmanager
def opened_copy(path):
    copy = ReadOnlyLexicon(path)
    try:
        yield copy
    finally:
        copy.close()


def test_a_copy_is_read_on_a_volume_that_nobody_can_write(store, tmp_path):
    put(store, "tanger", "T AE NG", "T AE1 NG ER")
    volume = tmp_path / "a volume?"
    volume.mkdir()
    with closing(sqlite3.connect(store.path)) as connection:
        connection.execute("VACUUM INTO ?", (str(volume / "words.db"),))
    mounted = subprocess.run(  # a container mounts it so
        ["mount", "--bind", "-o", "ro", volume, volume], capture_output=True, check=False
    )
    if mounted.returncode:
        volume.chmod(0o500)
    try:
        with opened_copy(volume / "words.db") as copy:
            assert get(copy, "tanger") == (("tanger",), ["T AE NG", "T AE1 NG ER"])
            assert copy.revision() == store.revision()
            assert export(copy, "tsv") == export(store, "tsv")
            with pytest.raises(UserLexiconError, match="readonly"):
                put(copy, "bad", "T")
        assert [path.name for path in volume.iterdir()] == ["words.db"]
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", volume], check=True)
        volume.chmod(0o700)


@pytest.mark.parametrize("fault", ["none", "empty", "foreign", "log"])
def test_what_is_no_whole_copy_is_refused(tmp_path, fault):
    path = tmp_path / "words.db"
    reported = {
        "none": "cannot be opened: unable to open",
        "empty": "is empty",
        "foreign": "is not a user lexicon",
        "log": "VACUUM INTO",
    }[fault]
    if fault == "empty":
        path.touch()
    elif fault == "foreign":
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE entries (x)")
    elif fault == "log":
        with opened(path) as store:
            put(store, "tanger", "T AE NG")
            content = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
        assert content["words.db-wal"]
        for name, each in content.items():  # as a copy of a running service's folder has it
            (tmp_path / name).write_bytes(each)
    with pytest.raises(UserLexiconError, match=reported):
        ReadOnlyLexicon(path)
