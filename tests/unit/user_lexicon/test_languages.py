"""User lexicons of several languages: a file each, which records its language."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tanger.service.user_lexicon.languages import OtherLanguageError, language_path
from tanger.service.user_lexicon.read_only import ReadOnlyLexicon
from tanger.service.user_lexicon.store import UserLexicon


def opened(path: Path, language: str | None, kind: type[UserLexicon] = UserLexicon) -> None:
    kind(path, language).close()


def recorded(path: Path) -> list[tuple[str]]:
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT code FROM language").fetchall()
    connection.close()
    return found


def test_a_further_language_has_a_file_beside_the_first() -> None:
    assert language_path(Path("/data/own.sqlite"), "pt-BR") == Path("/data/own.pt-br.sqlite")
    assert language_path(Path("own"), "de") == Path("own.de")


def test_a_new_file_records_its_language(tmp_path: Path) -> None:
    path = tmp_path / "own.sqlite"
    opened(path, "de")
    opened(path, "de")
    assert recorded(path) == [("de",)]


def test_a_file_from_before_languages_belongs_to_who_opens_it(tmp_path: Path) -> None:
    path = tmp_path / "own.sqlite"
    opened(path, None)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO entries VALUES ('tanger', 'Tanger', 'T AE1 NG ER0')")
    connection.close()
    lexicon = UserLexicon(path, "en-US")
    assert lexicon.get("tanger") is not None
    lexicon.close()
    assert recorded(path) == [("en-US",)]


@pytest.mark.parametrize("kind", [UserLexicon, ReadOnlyLexicon])
def test_another_languages_file_is_refused(tmp_path: Path, kind: type[UserLexicon]) -> None:
    path = tmp_path / "own.sqlite"
    opened(path, "en-US")
    opened(path, "en-us", kind)
    with pytest.raises(OtherLanguageError, match=r"entries of the language en-US, not of de: name"):
        opened(path, "de", kind)


def test_a_read_only_file_needs_no_language(tmp_path: Path) -> None:
    path = tmp_path / "own.sqlite"
    opened(path, None)
    opened(path, "de", ReadOnlyLexicon)
