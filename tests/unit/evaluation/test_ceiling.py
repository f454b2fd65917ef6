import numpy as np
import pytest

from ferkit.errors import DatasetNotFoundError
from ferkit.evaluation.ceiling import annotator_ceiling, label_ceiling, read_ballots

NAMES = ("a", "b", "c")


def left_out(votes):
    """Each annotator in turn, one at a time, by loops."""
    total = 0.0
    for row in votes:
        for k, count in enumerate(row):
            rest = [n - (i == k) for i, n in enumerate(row)]
            best = [i for i, n in enumerate(rest) if n == max(rest)]
            total += count * (k in best) / len(best) / sum(row)
    return total / len(votes)


def test_it_is_the_mean_over_annotators_left_out_one_by_one():
    votes = np.random.default_rng(0).multinomial(10, [0.5, 0.3, 0.2], size=60)
    found = annotator_ceiling(votes, NAMES)
    assert found.accuracy == pytest.approx(left_out(votes))
    assert found.interval[0][0] < found.accuracy < found.interval[0][1]
    assert sum(count for _, _, count in found.recall.values()) == pytest.approx(60)


def test_agreement_is_certain_and_a_split_vote_is_not():
    assert annotator_ceiling(np.array([[10, 0, 0], [0, 9, 0]]), NAMES).accuracy == 1
    # whoever leaves 5:5 sees the others at 4:5 against them
    assert annotator_ceiling(np.array([[5, 5, 0]] * 4), NAMES).accuracy == 0
    # 6:4: the six see 5:4 for them, the four 6:3 against
    found = annotator_ceiling(np.array([[6, 4, 0]] * 4), NAMES)
    assert found.accuracy == pytest.approx(0.6)
    assert found.recall["a"][0] == pytest.approx(0.6)
    assert "c" not in found.recall


def test_images_with_one_vote_have_no_others():
    found = annotator_ceiling(np.array([[1, 0, 0], [3, 0, 0], [0, 0, 0]]), NAMES)
    assert found.images == 1


def test_the_majority_is_judged_by_other_labels():
    votes = np.array([[9, 1, 0], [1, 8, 1], [5, 5, 0], [0, 0, 0]])
    labels = np.array(["a", "c", "a", "b"], dtype=object)
    found = label_ceiling(votes, labels, NAMES)
    assert found.accuracy == pytest.approx((1 + 0 + 0.5 + 0) / 4)
    assert found.recall["a"][0] == pytest.approx(0.75)


def test_votes_alone_are_enough_and_none_are_not(tmp_path):
    from ferkit.datasets.fakes.ferplus import make

    make(tmp_path / "ferplus", people=6, real_size=False, seed=0)
    votes, labels, file = read_ballots(tmp_path / "ferplus")
    assert len(votes) == len(labels) and file.name == "fer2013new.csv"
    for pixels in (*tmp_path.rglob("fer2013.csv"), *tmp_path.rglob("icml_face_data.csv")):
        pixels.unlink()
    alone, labels, _ = read_ballots(tmp_path / "ferplus")
    assert (alone == votes).all() and labels is None
    with pytest.raises(DatasetNotFoundError, match=r"fer2013new\.csv"):
        read_ballots(tmp_path / "else" / "nothing")
