"""The HTTP service: one process that speaks HTTP, and processes of their own that decode."""
