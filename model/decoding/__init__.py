"""Decoders: the torch reference, compiled C and CUDA graphs, and the choice among them."""
