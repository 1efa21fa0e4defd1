"""The languages whose texts can be read, by code."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from tanger.model.text.reader.british import british_english
from tanger.model.text.reader.english import american_english
from tanger.model.text.reader.language import Language
from tanger.model.text.reader.tables import FOLDER

_ENGLISH: dict[str, Callable[[], Language]] = {
    "en": american_english,
    "en-us": american_english,
    "en-gb": british_english,
}


@lru_cache(maxsize=64)
def find(tag: str) -> Language | None:
    """Return the language of a BCP 47 tag, or the nearest that has rules; None if none has.

    ``de-AT`` is read as ``de``; ``en`` as ``en-us``.

    Raises:
        TableError: if its rules are malformed.
    """
    code = tag.lower().replace("_", "-")
    while code:
        if code in _ENGLISH:
            return _ENGLISH[code]()
        if (FOLDER / f"{code}.toml").exists():
            # num2words takes 2.5 MB, which English alone does not need
            from tanger.model.text.reader.european import assembly

            return assembly.language(code)
        code = code.rpartition("-")[0]
    return None
