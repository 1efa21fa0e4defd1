"""Benchmarks. Only ratios of figures from one run on one machine are meaningful."""
