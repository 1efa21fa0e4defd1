"""The contents of an artifact, as the process that has read it passes them to the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import msgspec

from tanger.model import artifact as artifacts
from tanger.model.artifact import Artifact
from tanger.model.text import variants
from tanger.model.text.variants import VariantRanking
from tanger.service.settings import Settings


@dataclass(frozen=True)
class ModelSource:
    """The contents of an artifact's folder when it was read, even if the files have changed.

    Attributes:
        artifact: the artifact.
        error_rates: measured by the evaluation.
        pinned: words and their expected phonemes.
        ranking: of the built-in dictionary's variants.
    """

    artifact: Artifact
    error_rates: Mapping[str, Any]
    pinned: Mapping[str, Sequence[str]]
    ranking: VariantRanking | None

    @classmethod
    def read(cls, settings: Settings) -> Self:
        """Read and check the artifact of the settings.

        Raises:
            ArtifactError: if it is damaged.
        """
        artifact = artifacts.read(settings.artifact)
        ranking = variants.read(artifact) if settings.variant_order == "network" else None
        return cls(artifact, artifact.metrics(), artifact.pinned(), ranking)

    def pack(self) -> bytes:
        """Serialize all but the artifact's files, since only the workers need the weights."""
        return msgspec.msgpack.encode(
            replace(self, artifact=replace(self.artifact, files={})), enc_hook=str
        )

    @classmethod
    def unpack(cls, content: bytes) -> Self:
        """Deserialize the result of `pack`."""
        return msgspec.msgpack.decode(content, type=cls, dec_hook=lambda kind, found: kind(found))
