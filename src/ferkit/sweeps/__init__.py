"""Searches over the keys of `ferkit train`: the space, the study, the loop, its report."""
