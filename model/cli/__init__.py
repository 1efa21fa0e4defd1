"""The commands of ``tanger``."""
