"""From what a person typed to words that can be pronounced."""
