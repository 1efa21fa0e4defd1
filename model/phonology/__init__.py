"""Phonemes: vocabularies, notations, stress, syllables, and alignment with letters."""
