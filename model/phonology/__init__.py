"""Phonemes: their sets, notations, stress, syllables and alignment."""
