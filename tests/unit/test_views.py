import numpy as np

from ferkit.views import stratified_subset


def test_subset_keeps_the_proportions_and_every_class():
    class_ids = np.repeat([0, 1, 2], [900, 95, 5])
    kept = stratified_subset(class_ids, 100, seed=0)
    assert len(np.unique(kept)) == 100
    assert np.abs(np.bincount(class_ids[kept]) - [90, 9.5, 0.5]).max() <= 1
    assert set(class_ids[stratified_subset(class_ids, 3, seed=0)]) == {0, 1, 2}
    assert np.array_equal(kept, stratified_subset(class_ids, 100, seed=0))
    assert not np.array_equal(kept, stratified_subset(class_ids, 100, seed=1))
