"""Predictions to metrics: what was right, how sure that is, and which mistakes to look at."""
