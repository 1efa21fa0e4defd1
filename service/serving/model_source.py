"""The contents of artifacts, as the process that has read them passes them to the others."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import msgspec

from tanger.model import artifact as artifacts
from tanger.model import artifact_folders
from tanger.model.artifact import MANIFEST, Artifact
from tanger.model.language_tags import Variant
from tanger.model.text import variants
from tanger.model.text.variants import Order, VariantRanking
from tanger.service.settings import SettingError, Settings


@dataclass(frozen=True)
class ModelSource:
    """The contents of an artifact's folder when it was read, even if the files have changed.

    Attributes:
        artifact: the artifact.
        error_rates: measured by the evaluation.
        pinned: words and their expected phonemes.
        ranking: of the built-in dictionary's variants.
        notice: attribution of the training data, if there is one.
    """

    artifact: Artifact
    error_rates: Mapping[str, Any]
    pinned: Mapping[str, Sequence[str]]
    ranking: VariantRanking | None
    notice: str | None

    @property
    def summary(self) -> dict[str, str]:
        """Return name, version and language of the artifact."""
        return {**self.artifact.summary, "language": self.artifact.language.code}

    @classmethod
    def read(cls, path: Path, order: Order) -> Self:
        """Read and check an artifact.

        Args:
            path: its folder.
            order: of the built-in dictionary's variants.

        Raises:
            ArtifactError: if it is damaged.
        """
        artifact = artifacts.read(path)
        ranking = variants.read(artifact) if order == "network" else None
        return cls(artifact, artifact.metrics(), artifact.pinned(), ranking, artifact.notice())


@dataclass(frozen=True)
class Sources:
    """All artifacts of a service, one per language.

    Attributes:
        models: their contents, that of the default language first.
    """

    models: tuple[ModelSource, ...]

    @classmethod
    def read(cls, settings: Settings) -> Self:
        """Read and check the artifacts of the settings.

        Raises:
            ArtifactError: if one is damaged; the message names it.
            SettingError: if a folder holds none, or two have the same language.
        """
        if not settings.artifacts:
            return cls((ModelSource.read(settings.artifact, settings.variant_order),))
        found: dict[str, ModelSource] = {}
        for path, listed in _folders(settings.artifacts):
            source = ModelSource.read(path, settings.variant_order)
            code = source.artifact.language.code
            if code not in found:
                found[code] = source
            elif listed and found[code].artifact.path != path:
                other = found[code].artifact.path
                raise SettingError(f"artifacts: {other} and {path} both speak {code}: name one")
        return cls(tuple(found.values()))

    @property
    def first(self) -> ModelSource:
        """Return the contents of the default language's artifact."""
        return self.models[0]

    @property
    def spoken(self) -> dict[str, tuple[int, Variant | None]]:
        """Return artifact (its index) and variant of each language, by its code, in order."""
        found: dict[str, tuple[int, Variant | None]] = {}
        for index, model in enumerate(self.models):
            language = model.artifact.language
            found.setdefault(language.code, (index, None))
            for variant in language.variants:
                found.setdefault(variant.code, (index, variant))
        return found

    def without_files(self) -> Self:
        """Return the sources without the artifacts' files, whose weights only workers need."""
        return replace(
            self,
            models=tuple(
                replace(each, artifact=replace(each.artifact, files={})) for each in self.models
            ),
        )

    def pack(self) -> bytes:
        """Serialize all but the artifacts' files."""
        return msgspec.msgpack.encode(self.without_files(), enc_hook=str)

    @classmethod
    def unpack(cls, content: bytes) -> Self:
        """Deserialize the result of `pack`."""
        return msgspec.msgpack.decode(content, type=cls, dec_hook=lambda kind, found: kind(found))


def _folders(setting: str) -> Iterator[tuple[Path, bool]]:
    """Yield the folders of artifacts, and whether the setting lists them one by one.

    A folder that is no artifact stands for all artifacts in it, by name, but en-us first.

    Raises:
        SettingError: if it holds none, or the list is separated otherwise.
    """
    for path in map(Path, filter(None, setting.split(os.pathsep))):
        if "," in str(path) and not path.exists():
            raise SettingError(f"artifacts: separate folders by {os.pathsep}, not commas: {path}")
        if (path / MANIFEST).exists() or not path.is_dir():
            yield path, True
            continue
        held = artifact_folders.folders(path)
        if not held:
            raise SettingError(f"artifacts: {path} is neither an artifact nor holds any")
        yield from ((each, False) for each in held)
