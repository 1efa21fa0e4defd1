"""Measurements. Only ratios within one run on one machine mean anything."""
