"""Homograph disambiguation: choose the sense of a word from its sentence."""

from tanger.model.text.homographs.model import HomographModel, Sense

__all__ = ["HomographModel", "Sense"]
