"""One adapter a dataset: a genuine folder in, a FaceIndex out."""
