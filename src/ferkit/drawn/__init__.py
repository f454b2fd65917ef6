"""The faces that ferkit draws itself: for examples, tests and the fakes of datasets."""
