"""From a trained run to predictions of data: its own views, or another dataset's."""
