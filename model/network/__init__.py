"""The sequence-to-sequence network and its parts in torch, and its weights as numpy arrays."""
