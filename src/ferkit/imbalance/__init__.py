"""What to do about rare classes: a strategy of up to five slots (see `strategy`)."""
