"""The languages whose texts can be read, by code."""

from __future__ import annotations

from functools import lru_cache

from tanger.model.text.reader.english import american_english
from tanger.model.text.reader.european import assembly, rule_files
from tanger.model.text.reader.language import Language


@lru_cache(maxsize=64)
def find(tag: str) -> Language | None:
    """Return the language of a BCP 47 tag, or the nearest that has rules; None if none has.

    ``de-AT`` is read as ``de``; ``en`` as ``en-us``.

    Raises:
        TableError: if its rules are malformed.
    """
    known = {"en": american_english, "en-us": american_english}
    codes = rule_files.codes()
    code = tag.lower().replace("_", "-")
    while code:
        if code in known:
            return known[code]()
        if code in codes:
            return assembly.language(code)
        code = code.rpartition("-")[0]
    return None
