"""Python clients of the service: ``Client(url).pronounce(["tanger"])``."""

from tanger.service.client.client import AsyncClient, Client, Options, Retries, TextOptions

__all__ = ["AsyncClient", "Client", "Options", "Retries", "TextOptions"]
