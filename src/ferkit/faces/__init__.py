"""From photographs and films to training-ready faces: find, choose, align, crop, light."""
