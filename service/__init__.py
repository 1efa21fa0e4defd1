"""The HTTP service: processes that speak HTTP, and workers that decode."""
