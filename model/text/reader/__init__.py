"""From a text to tokens with kinds, and the words that are spoken (see `reader.TextReader`)."""
