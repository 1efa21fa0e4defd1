"""Which entries of a lexicon look wrong, why, and what may be right."""
