"""Which rows train, which choose, which test; and what must not lie on both sides."""

from ferkit.splits.files import read_split, split_bytes, split_from_file, split_hash, write_split
from ferkit.splits.kfold import (
    number_of_folds,
    split_image_order_10fold_leaky,
    split_loso,
    split_stratified_group_kfold,
    split_subject_kfold,
)
from ferkit.splits.leaks import count_leaks, drop_leaks, leak_warnings
from ferkit.splits.protocols import (
    split_auto,
    split_official,
    split_random,
    split_sequence,
    split_subject,
)
from ferkit.splits.split import VIEWS, Split
from ferkit.splits.studies import split_training_random, split_validated_on_test

__all__ = [
    "VIEWS",
    "Split",
    "count_leaks",
    "drop_leaks",
    "leak_warnings",
    "number_of_folds",
    "read_split",
    "split_auto",
    "split_bytes",
    "split_from_file",
    "split_hash",
    "split_image_order_10fold_leaky",
    "split_loso",
    "split_official",
    "split_random",
    "split_sequence",
    "split_stratified_group_kfold",
    "split_subject",
    "split_subject_kfold",
    "split_training_random",
    "split_validated_on_test",
    "write_split",
]
