"""From photographs and videos to training-ready faces: find, choose, align, crop, light."""
