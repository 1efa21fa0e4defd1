"""Words to phonemes: a trainer and a service of grapheme-to-phoneme networks."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tanger.model.phonemizer import Phonemizer
    from tanger.service.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client", "Phonemizer", "__version__"]
__version__ = "0.1.0"

_MODULES = {
    "AsyncClient": "tanger.service.client",
    "Client": "tanger.service.client",
    "Phonemizer": "tanger.model.phonemizer",
}


def __getattr__(name: str) -> object:
    """Import what is asked for when it is (PEP 562): the client takes httpx, all else does not.

    Raises:
        AttributeError: where there is no such name.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
