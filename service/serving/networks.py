"""The networks of a decoding process: the first language's always, others when they are needed.

All workers of a pool share one copy of the packed artifacts, in memory that they inherit, so that
all of them decode with the same ones even if the files have changed. A worker unpacks that of a
language for the first word in it, and unloads the languages that were used least recently when
their networks exceed a limit.
"""

from __future__ import annotations

import os
import struct
import weakref
from collections.abc import Callable, Sequence

from tanger.model import artifact as artifacts
from tanger.model.artifact import WEIGHTS, Artifact
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.service.serving import shared_counts

_LENGTH = struct.Struct(">Q")

# Bytes of memory of a loaded network per byte of its weights file, which has two per weight, at
# most: torch holds float32. The compiled decoder was measured to take 0.75.
_EXPANSION = 2.0


class ArtifactStore:
    """Packed artifacts in shared memory, which closes with the last process that has it.

    Attributes:
        descriptor: of the memory, for child processes to inherit.
    """

    def __init__(self, packed: Sequence[Artifact]) -> None:
        """Write the artifacts, each after its length."""
        self.descriptor = shared_counts.memory("tanger-artifacts")
        weakref.finalize(self, os.close, self.descriptor)
        with os.fdopen(os.dup(self.descriptor), "wb") as file:
            for each in packed:
                content = artifacts.pack(each).encode()
                file.write(_LENGTH.pack(len(content)) + content)


def read_artifact(descriptor: int, index: int) -> Artifact:
    """Read an artifact of an `ArtifactStore`.

    Args:
        descriptor: of the store.
        index: number of the artifact, from 0.

    Raises:
        ArtifactError: if its contents do not match their checksums.
    """
    offset = 0
    for _ in range(index):
        offset += _LENGTH.size + _length_at(descriptor, offset)
    size = _length_at(descriptor, offset)
    return artifacts.unpack(os.pread(descriptor, size, offset + _LENGTH.size).decode())


def _length_at(descriptor: int, offset: int) -> int:
    (size,) = _LENGTH.unpack(os.pread(descriptor, _LENGTH.size, offset))
    return int(size)


class Networks:
    """Loaded networks by language, which is the index of an artifact; 0 is the first one's.

    Attributes:
        first: the network of the first language, which is always loaded.
    """

    def __init__(
        self,
        first: NetworkPhonemizer,
        *,
        read: Callable[[int], Artifact],
        load: Callable[[Artifact], NetworkPhonemizer],
        limit: int,
    ) -> None:
        """Start with the first language alone.

        Args:
            first: its network.
            read: returns the artifact of another language.
            load: loads its network.
            limit: most bytes of the other languages' networks; that in use is kept in any case.
        """
        self.first = first
        self._read = read
        self._load = load
        self._limit = limit
        # The most recently used one last, with their bytes
        self._others: dict[int, tuple[NetworkPhonemizer, float]] = {}

    @property
    def loaded(self) -> list[int]:
        """Return the languages that are loaded, the most recently used one last."""
        return [0, *self._others]

    def get(self, language: int) -> NetworkPhonemizer:
        """Return the network of a language, loading it if necessary.

        Raises:
            ArtifactError, DeviceError: if it cannot be loaded.
            MemoryError: if there is not enough memory.
        """
        if language == 0:
            return self.first
        found = self._others.pop(language, None)
        if found is None:
            artifact = self._read(language)
            size = _EXPANSION * len(artifact.files[WEIGHTS])
            self._make_room(size)
            found = self._load(artifact), size
        self._others[language] = found
        return found[0]

    def _make_room(self, size: float) -> None:
        """Unload languages until a network of this size fits."""
        while self._others and sum(each for _, each in self._others.values()) + size > self._limit:
            del self._others[next(iter(self._others))]
