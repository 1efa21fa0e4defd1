"""Error rates, calibration and reports of an artifact."""
