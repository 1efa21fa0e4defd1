"""The decoder in C, compiled for several kinds of CPU."""
