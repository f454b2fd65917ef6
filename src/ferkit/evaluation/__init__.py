"""Predictions to figures: what was right, how sure that is, and which mistakes to look at."""
