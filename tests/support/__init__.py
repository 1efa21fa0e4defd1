"""What several test modules use: services, networks, artifacts, lexicons."""

from pathlib import Path

# The repository's folder.
ROOT = Path(__file__).parents[2]
