"""ASGI middleware, one HTTP concern per module."""
