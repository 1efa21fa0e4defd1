"""A Bloom filter: a set of words in about ten bits a word, with rare false positives.

An artifact keeps in it the words that its network was trained on. Sources: Bloom (1970),
"Space/Time Trade-offs in Hash Coding with Allowable Errors"; and Kirsch & Mitzenmacher (2006),
"Less Hashing, Same Performance", by whom two hash values stand for all the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

# With these a word that is not in the set is taken for one of it in 0.8 % of cases.
_BITS_PER_WORD = 10
_HASHES = 7


@dataclass(frozen=True)
class BloomFilter:
    """A set of words without their spellings.

    Attributes:
        content: the bits, at least one byte, the lowest bit of each byte first.
    """

    content: bytes = field(repr=False)

    @classmethod
    def of(cls, words: Collection[str]) -> BloomFilter:
        """Return the filter of some words."""
        bits = np.zeros(max(1, -(-len(words) * _BITS_PER_WORD // 8)), np.uint8)
        if words:
            places = _places(list(words), 8 * len(bits))
            np.bitwise_or.at(bits, places >> 3, _mask(places))
        return cls(bits.tobytes())

    def contains(self, words: Sequence[str]) -> list[bool]:
        """Return whether each word is in the set; True for one in 120 of those that are not."""
        if not words:
            return []
        bits = np.frombuffer(self.content, np.uint8)
        places = _places(words, 8 * len(bits))
        found: list[bool] = (bits[places >> 3] & _mask(places)).all(axis=1).tolist()
        return found


def _places(words: Sequence[str], size: int) -> npt.NDArray[np.int64]:
    """Return the bits of each word, of `size`: ``[words, hashes]``."""
    digests = b"".join(hashlib.blake2b(word.encode(), digest_size=16).digest() for word in words)
    first, step = np.frombuffer(digests, "<u8").reshape(-1, 2, 1).swapaxes(0, 1)
    hashes = first + step * np.arange(_HASHES, dtype=np.uint64)  # modulo 2**64
    return (hashes % np.uint64(size)).astype(np.int64)


def _mask(places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    mask: npt.NDArray[np.uint8] = np.left_shift(1, places & 7).astype(np.uint8)
    return mask
