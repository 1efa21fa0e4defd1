"""Split texts into classified tokens with their spoken words (see `reader.TextReader`)."""
