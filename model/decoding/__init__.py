"""Decoders: the torch reference, the compiled C and CUDA, and which one is used."""
