"""Helpers of several test modules: services, networks, artifacts, lexicons."""

from pathlib import Path

# Root folder of the repository.
ROOT = Path(__file__).parents[2]
