"""Grapheme-to-phoneme conversion: training, and an HTTP service."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tanger.model.text.text_phonemizer import TextPhonemizer as Phonemizer
    from tanger.service.client import AsyncClient, Client

__all__ = ["AsyncClient", "Client", "Phonemizer", "__version__"]
__version__ = "0.1.0"

_PLACES = {
    "AsyncClient": ("tanger.service.client", "AsyncClient"),
    "Client": ("tanger.service.client", "Client"),
    "Phonemizer": ("tanger.model.text.text_phonemizer", "TextPhonemizer"),
}


def __getattr__(name: str) -> object:
    """Import a public name on first use (PEP 562): only the clients need httpx.

    Raises:
        AttributeError: if there is no such name.
    """
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _PLACES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
