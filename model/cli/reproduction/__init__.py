"""The steps that reproduce the shipped artifacts of American English from their sources."""
