"""Words written alike and pronounced by sense: which sense a sentence means."""

from tanger.model.text.homographs.model import HomographModel, Sense

__all__ = ["HomographModel", "Sense"]
