"""Error rates, calibration error, reports and model cards of artifacts."""
