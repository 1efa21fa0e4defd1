"""The user lexicon: its store, its import and export."""
