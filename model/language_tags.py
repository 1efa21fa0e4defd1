"""Languages of artifacts: tags (BCP 47), variants by rule, and lookup with fallback (RFC 4647)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tanger.model import TangerError

# Tags and basic language ranges (RFC 5646, 2.1, without grandfathered ones; RFC 4647, 2.1). The
# longest is that of RFC 5646, 4.4.1, which also bounds what a client can make us look up.
_TAG = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})*")
_LONGEST = 35
_REGION_LETTERS = 2
_SCRIPT_LETTERS = 4

# The tag of an unknown language (RFC 5646, 4.1)
UNDETERMINED = "und"
# Parents that truncation does not find: CLDR's `parentLocales`, here those of Spanish
_LATIN_AMERICA = "es-419"
_PARENTS: Mapping[str, str] = {
    f"es-{region}": _LATIN_AMERICA
    for region in "AR BO BR BZ CL CO CR CU DO EC GT HN MX NI PA PE PR PY SV US UY VE".split()
}


@dataclass(frozen=True)
class Variant:
    """A variety of a language that an artifact speaks by a rule on its phonemes.

    Attributes:
        code: its tag, such as es-419.
        name: its name in English.
        phonemes: replacements, by the artifact's phoneme: θ is s in es-419.
    """

    code: str
    name: str
    phonemes: Mapping[str, str]


@dataclass(frozen=True)
class Language:
    """The language of an artifact.

    Attributes:
        code: its tag (BCP 47); `UNDETERMINED` if unknown.
        name: its name in English.
        licence: SPDX identifier of the artifact's licence, if known.
        variants: varieties that the artifact speaks too.
    """

    code: str
    name: str
    licence: str | None = None
    variants: tuple[Variant, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the object of a manifest, which `artifact_checks.parse_language` reads."""
        fields: dict[str, Any] = {"code": self.code, "name": self.name}
        if self.licence is not None:
            fields["licence"] = self.licence
        if self.variants:
            fields["variants"] = {
                each.code: {"name": each.name, "phonemes": dict(each.phonemes)}
                for each in self.variants
            }
        return fields


class LanguageError(TangerError, ValueError):
    """A requested language is not available.

    Attributes:
        requested: as it was requested.
        available: tags of the available languages.
    """

    def __init__(self, requested: str, available: Sequence[str]) -> None:
        problem = "is not available" if is_tag(requested) else "is not a language tag (BCP 47)"
        hyphenated = requested.replace("_", "-")
        if problem != "is not available" and is_tag(hyphenated):
            problem += f": write {canonical(hyphenated)}"
        super().__init__(
            f"language {requested[:80]!r} {problem}; available: {', '.join(available)}"
        )
        self.requested = requested
        self.available = tuple(available)


AMERICAN = Language("en-US", "American English")
UNKNOWN = Language(UNDETERMINED, "unknown")


def is_tag(text: str) -> bool:
    """Return whether a text has the form of a language tag."""
    return len(text) <= _LONGEST and _TAG.fullmatch(text) is not None


def canonical(tag: str) -> str:
    """Return a tag in the usual case: ``pt-BR``, ``zh-Hant-TW`` (RFC 5646, 2.1.1)."""
    first, *rest = tag.lower().split("-")
    parts = [first]
    for part in rest:
        if len(parts[-1]) == 1:  # after a singleton
            parts.append(part)
        elif len(part) == _REGION_LETTERS:
            parts.append(part.upper())
        elif len(part) == _SCRIPT_LETTERS and part.isalpha():
            parts.append(part.title())
        else:
            parts.append(part)
    return "-".join(parts)


def lookup(requested: str, tags: Sequence[str]) -> str | None:
    """Return the best of the available tags for a requested one, or None (RFC 4647, 3.4).

    The requested tag is shortened from its end until it is available: de-AT, de. Then any tag of
    the same language is taken, the first one: en-US for en, and for en-NZ.

    Args:
        requested: a tag, in any case; what is none finds nothing.
        tags: those available, in order of preference.
    """
    if not is_tag(requested):
        return None
    by_case = {tag.lower(): tag for tag in reversed(tags)}
    for candidate in _candidates(requested):
        if candidate.lower() in by_case:
            return by_case[candidate.lower()]
    language = _primary(requested)
    return next((tag for tag in tags if _primary(tag) == language), None)


def _candidates(requested: str) -> Iterator[str]:
    """Yield a tag, shortened step by step; a singleton goes with what follows it."""
    tag = canonical(requested)
    while tag:
        yield tag
        if (parent := _PARENTS.get(tag)) is not None:
            tag = parent
            continue
        parts = tag.split("-")[:-1]
        if parts and len(parts[-1]) == 1:
            parts.pop()
        tag = "-".join(parts)


def _primary(tag: str) -> str:
    return tag.partition("-")[0].lower()
