"""Connections: their limits, the memory they hold, what is refused."""
