"""The gates: what each measures, and the range that it must lie in."""
