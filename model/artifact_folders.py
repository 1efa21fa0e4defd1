"""Folders of several artifacts, and the artifact in them that speaks a language."""

from __future__ import annotations

from pathlib import Path

from tanger.model import artifact as artifacts
from tanger.model import artifact_checks as checks
from tanger.model.artifact import MANIFEST, Artifact
from tanger.model.language_tags import UNKNOWN, Language, LanguageError, Variant, lookup

# The artifacts that come with tanger, and the one that is used by default
INSTALLED = Path(__file__).parent.parent / "artifacts"
DEFAULT = INSTALLED / "en-us"


def folders(path: Path) -> list[Path]:
    """Return the artifacts in a folder, by name, but en-us first; empty if there are none."""
    found = (each for each in path.iterdir() if (each / MANIFEST).exists())
    return sorted(found, key=lambda each: (each.name != DEFAULT.name, each.name))


def language_of(path: Path) -> Language:
    """Return the language of an artifact, reading its manifest only.

    Raises:
        ArtifactError: if the manifest is damaged.
    """
    manifest = path / MANIFEST
    found = checks.parse_json(manifest, checks.read_file(manifest))
    return checks.parse_language(manifest, found, default=UNKNOWN)


def find(language: str, path: Path = INSTALLED) -> Path:
    """Return the artifact in a folder that speaks a language; the first one of several.

    Args:
        language: a tag (BCP 47); it falls back to shorter ones (see `language_tags.lookup`).
        path: the folder, by default that of the installed artifacts.

    Raises:
        LanguageError: if none does.
        ArtifactError: if a manifest is damaged.
    """
    spoken: dict[str, Path] = {}
    for each in folders(path):
        for code in codes(language_of(each)):
            spoken.setdefault(code, each)
    found = lookup(language, list(spoken))
    if found is None:
        raise LanguageError(language, list(spoken))
    return spoken[found]


def open_artifact(
    path: Path | None, language: str | None = None
) -> tuple[Artifact, Variant | None]:
    """Read the artifact to use for a language.

    Args:
        path: its folder; None for an installed one that speaks the language.
        language: a tag; None for the artifact's own.

    Returns:
        the artifact, and the variant of its language that was requested, if any.

    Raises:
        ArtifactError: if the artifact is damaged or missing.
        LanguageError: if it does not speak the language.
    """
    if path is None:
        path = DEFAULT if language is None else find(language)
    artifact = artifacts.read(path)
    if language is None:
        return artifact, None
    spoken = codes(artifact.language)
    code = lookup(language, spoken)
    if code is None:
        raise LanguageError(language, spoken)
    variants = {each.code: each for each in artifact.language.variants}
    return artifact, variants.get(code)


def codes(language: Language) -> list[str]:
    """Return the tags of a language and its variants."""
    return [language.code, *(each.code for each in language.variants)]
