"""The sequence-to-sequence network and its parts, in torch and as plain arrays."""
