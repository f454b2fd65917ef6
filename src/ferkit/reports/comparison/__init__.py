"""Comparisons of runs: methods, seeds, groups, difficulty, transfer."""
