"""HTTP connections: their limits, buffers and refused requests."""
