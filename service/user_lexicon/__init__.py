"""The user lexicon: storage, import and export."""
