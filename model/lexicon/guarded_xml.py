"""An XML parser that fetches nothing and multiplies nothing, for files and texts of anybody's.

What could make it do so is refused: a document type declaration, and with it all entities but
XML's own five; and encodings that only Python knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.parsers import expat

# Families of encodings with a byte a character
_SINGLE_BYTE = re.compile(r"(iso-8859-|windows-|cp|ibm)[0-9]{1,4}|koi8-[ru]|macintosh", re.I)

# The exception for what was expected, and what was found.
Refuse = Callable[[str, str], Exception]


def create(
    refuse: Refuse, *, encoding: str | None = None, namespace_separator: str | None = None
) -> expat.XMLParserType:
    """A parser without handlers but those that refuse.

    Args:
        refuse: makes the exception that is raised.
        encoding: of what is parsed; by default as it says itself.
        namespace_separator: between namespace and name; without it, namespaces count for nothing.
    """
    parser = expat.ParserCreate(encoding, namespace_separator)

    def check_encoding(version: str, declared: str | None, standalone: int) -> None:
        """Refuse one before expat looks it up: Python has codecs that are no encodings."""
        del version, standalone
        if declared is not None and not _is_xml_encoding(declared):
            raise refuse("an encoding of XML's (save the file as UTF-8)", declared)

    def refuse_doctype(name: str, *_: object) -> None:
        raise refuse("no document type declaration", f"<!DOCTYPE {name}")

    if encoding is None:
        parser.XmlDeclHandler = check_encoding
    parser.StartDoctypeDeclHandler = refuse_doctype
    return parser


def _is_xml_encoding(encoding: str) -> bool:
    """Whether expat reads it: its own four, and those with a byte a character."""
    if encoding.upper() in ("UTF-8", "UTF-16", "US-ASCII", "ISO-8859-1"):
        return True
    if not _SINGLE_BYTE.fullmatch(encoding):
        return False
    try:
        return len(bytes(range(256)).decode(encoding, "replace")) == 256
    except LookupError:
        return False
