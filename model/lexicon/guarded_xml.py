"""An XML parser for untrusted input: no external resources and no entity expansion.

It refuses document type declarations, and thereby all entities but XML's predefined five, and
encodings that are specific to Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.parsers import expat

# Single-byte encodings
_SINGLE_BYTE = re.compile(r"(iso-8859-|windows-|cp|ibm)[0-9]{1,4}|koi8-[ru]|macintosh", re.I)

# Makes an exception from descriptions of what was expected and what was found.
Refuse = Callable[[str, str], Exception]


def create(
    refuse: Refuse, *, encoding: str | None = None, namespace_separator: str | None = None
) -> expat.XMLParserType:
    """Create a parser whose only handlers are those that refuse unsafe content.

    Args:
        refuse: makes the exception to raise.
        encoding: encoding of the input; by default as it declares.
        namespace_separator: separator between namespace and name; by default namespaces are not
            processed.
    """
    parser = expat.ParserCreate(encoding, namespace_separator)

    def check_encoding(version: str, declared: str | None, standalone: int) -> None:
        """Refuse unsafe encodings before expat looks them up as Python codecs."""
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
    """Return whether expat supports the encoding: its four built-in ones and single-byte ones."""
    if encoding.upper() in ("UTF-8", "UTF-16", "US-ASCII", "ISO-8859-1"):
        return True
    if not _SINGLE_BYTE.fullmatch(encoding):
        return False
    try:
        return len(bytes(range(256)).decode(encoding, "replace")) == 256
    except LookupError:
        return False
