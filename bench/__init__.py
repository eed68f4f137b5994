"""Measurements: ratios taken in turn within one run, since machines are noisy."""
