"""One module for each lexicon format: `parse` and `render`."""
