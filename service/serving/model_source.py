"""What one reading of an artifact found, as it goes from the process that read it to the others."""

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
    """All that is served of an artifact's folder, whatever stands there by now.

    Attributes:
        artifact: the artifact.
        error_rates: what the evaluation measured.
        pinned: words, and the phonemes that they should get.
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
            ArtifactError: where it is damaged.
        """
        artifact = artifacts.read(settings.artifact)
        ranking = variants.read(artifact) if settings.variant_order == "network" else None
        return cls(artifact, artifact.metrics(), artifact.pinned(), ranking)

    def pack(self) -> bytes:
        """The same as bytes, but for the artifact's files: only the workers need its weights."""
        return msgspec.msgpack.encode(
            replace(self, artifact=replace(self.artifact, files={})), enc_hook=str
        )

    @classmethod
    def unpack(cls, content: bytes) -> Self:
        """What bytes of `pack` hold."""
        return msgspec.msgpack.decode(content, type=cls, dec_hook=lambda kind, found: kind(found))
