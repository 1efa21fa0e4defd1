"""ASGI middleware: one HTTP idea a file."""
