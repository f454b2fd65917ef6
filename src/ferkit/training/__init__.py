"""Loader, augmentation, schedules, the trainer and the run's folder."""
