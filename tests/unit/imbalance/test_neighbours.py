import numpy as np
import pytest
import torch
from imblearn.combine import SMOTEENN, SMOTETomek
from imblearn.over_sampling import SMOTE, BorderlineSMOTE
from imblearn.under_sampling import EditedNearestNeighbours, TomekLinks
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors

from ferkit.imbalance import nearest
from ferkit.imbalance.nearest import nearest_rows
from ferkit.imbalance.neighbours import (
    ExactEditedNeighbours,
    ExactTomekLinks,
    Neighbours,
    RecordingSMOTE,
)

LABELS = np.repeat([0, 1, 2], [60, 12, 28])


def pixels(count=100, size=30, seed=0, high=256):
    return np.random.default_rng(seed).integers(0, high, (count, size)).astype(np.float32)


def reference(points, asked, count, own=None):
    """Exact integer distances, then index: the definition, one row at a time."""
    points, asked = points.astype(np.int64), asked.astype(np.int64)
    rows = []
    for i, row in enumerate(asked):
        squared = ((points - row) ** 2).sum(1)
        order = np.lexsort((np.arange(len(points)), squared))
        if own is not None and own[i] >= 0:
            order = order[order != own[i]]
        rows.append((squared[order[:count]], order[:count]))
    return np.array([r[0] for r in rows]), np.array([r[1] for r in rows])


def same(found, expected):
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(found[0], expected[0])


@pytest.mark.parametrize("block", [7, 50, 4096])
def test_neighbours_of_the_rows_themselves(block):
    points = pixels()
    same(
        nearest_rows(points, None, 4, block=block),
        reference(points, points, 4, np.arange(len(points))),
    )


@pytest.mark.parametrize("block", [7, 4096])
def test_ties_and_copies_go_to_the_lowest_index(block):
    points = pixels(count=120, size=3, high=4)  # 64 places for 120 rows
    assert len(np.unique(points, axis=0)) < 64
    own = np.arange(len(points))
    same(nearest_rows(points, None, 5, block=block), reference(points, points, 5, own))
    asked = points[10:40]
    same(nearest_rows(points, asked, 5, block=block), reference(points, asked, 5))
    own = np.where(np.arange(30) % 2, np.arange(10, 40), -1)
    found = nearest_rows(points, asked, 5, own=own, block=block)
    same(found, reference(points, asked, 5, own))


def test_more_copies_than_candidates():
    points = np.concatenate([pixels(count=20), np.repeat(pixels(count=1, seed=1), 60, axis=0)])
    found = nearest_rows(points, None, 2, block=16)
    same(found, reference(points, points, 2, np.arange(80)))
    assert found[1][79].tolist() == [20, 21]


def test_where_float32_cannot_tell_distances_apart(monkeypatch):
    # two far outliers: products of 1e12, while the neighbours differ by ones
    points = pixels(count=200, size=8, high=6)
    points[:2] = [[1e6] * 8, [-1e6] * 8]
    tries = []
    search = nearest._candidates
    monkeypatch.setattr(
        nearest, "_candidates", lambda s, kept: tries.append(kept) or search(s, kept)
    )
    found = nearest_rows(points, None, 3)
    same(found, reference(points, points, 3, np.arange(200)))
    assert len(tries) > 1


def test_as_scikit_learn_where_distances_are_distinct():
    rng = np.random.default_rng(2)
    points = rng.uniform(0, 255, (300, 40)).astype(np.float32)
    asked = rng.uniform(0, 255, (50, 40)).astype(np.float32)
    theirs = NearestNeighbors(n_neighbors=6, algorithm="brute").fit(points)
    ours = Neighbours(6, block=64).fit(points)
    for rows in (points, asked, None):
        distances, indices = ours.kneighbors(rows)
        expected, places = theirs.kneighbors(rows)
        np.testing.assert_array_equal(indices, places)
        # scikit-learn's distance of a row to itself is the root of a rounding error
        np.testing.assert_allclose(distances, expected, rtol=1e-6, atol=1e-3)
    difference = ours.kneighbors_graph(asked) - theirs.kneighbors_graph(asked)
    assert abs(difference).sum() == 0


def test_double_precision_rows():
    points = np.random.default_rng(3).normal(size=(150, 12))
    expected = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(points).kneighbors(None)[1]
    assert np.array_equal(nearest_rows(points, None, 4)[1], expected)


def test_a_row_is_its_own_first_neighbour_despite_its_copies():
    points = np.repeat(pixels(count=10), 3, axis=0)
    indices = Neighbours(3).fit(points).kneighbors(points, return_distance=False)
    assert np.array_equal(indices[:, 0], np.arange(30))
    assert indices[:3].tolist() == [[0, 1, 2], [1, 0, 2], [2, 0, 1]]
    assert Neighbours(2).fit(points).kneighbors(return_distance=False)[2].tolist() == [0, 1]


def test_numbered_rows_know_themselves():
    points = np.repeat(pixels(count=10), 3, axis=0)
    numbered = np.column_stack([points, np.arange(30, dtype=np.float32)])
    finder = Neighbours(3, numbered=True).fit(numbered)
    distances, indices = finder.kneighbors(numbered[[5, 1]])
    assert indices.tolist() == [[5, 3, 4], [1, 0, 2]]
    assert (distances == 0).all()


def test_too_few_rows():
    finder = Neighbours(5).fit(pixels(count=5))
    with pytest.raises(ValueError, match="5 neighbours asked for, but there are 4 rows"):
        finder.kneighbors()
    assert finder.kneighbors(pixels(count=2, seed=4))[1].shape == (2, 5)


def test_products_are_float32_whatever_the_user_has_set():
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        points = pixels()
        same(nearest_rows(points, None, 3), reference(points, points, 3, np.arange(100)))
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)


def test_it_is_cloned_and_taken_by_the_samplers():
    finder = clone(Neighbours(4, block=32))
    assert (finder.n_neighbors, finder.block) == (4, 32)
    points = pixels(seed=5)
    for near, theirs in ((finder, 3), (Neighbours(6), 5)):
        ours = BorderlineSMOTE(k_neighbors=near, m_neighbors=Neighbours(11), random_state=0)
        own = BorderlineSMOTE(k_neighbors=theirs, random_state=0)
        expected = own.fit_resample(points, LABELS)[0]
        np.testing.assert_array_equal(ours.fit_resample(points, LABELS)[0], expected)


def test_our_samplers_answer_as_imbalanced_learns_where_no_ties_are():
    points = pixels(seed=6)
    smote = RecordingSMOTE(random_state=3, k_neighbors=Neighbours(6))
    enn = ExactEditedNeighbours(
        sampling_strategy="all", n_neighbors=Neighbours(4, numbered=True), kind_sel="mode"
    )
    pairs = [
        (smote, SMOTE(random_state=3)),
        (ExactTomekLinks(sampling_strategy="all"), TomekLinks(sampling_strategy="all")),
        (ExactTomekLinks(), TomekLinks()),
        (enn, EditedNearestNeighbours(sampling_strategy="all", kind_sel="mode")),
        (
            SMOTETomek(smote=smote, tomek=ExactTomekLinks(sampling_strategy="all")),
            SMOTETomek(random_state=3),
        ),
        (
            SMOTEENN(smote=smote, enn=enn),
            SMOTEENN(
                random_state=3,
                enn=EditedNearestNeighbours(sampling_strategy="all", kind_sel="mode"),
            ),
        ),
    ]
    for ours, theirs in pairs:
        found, expected = ours.fit_resample(points, LABELS), theirs.fit_resample(points, LABELS)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])
        assert len(found[1]) != len(LABELS)


def test_a_copy_with_another_label_makes_a_tomek_link():
    points = pixels(count=6)
    points[5] = points[0]
    labels = np.array([0, 0, 0, 0, 1, 1])
    links = ExactTomekLinks(sampling_strategy="all")
    links.fit_resample(points, labels)
    assert not {0, 5} & set(links.sample_indices_.tolist())
    assert links.nearest_[[0, 5]].tolist() == [5, 0]


def test_enn_drops_both_of_two_copies_with_two_labels():
    # two tight groups, and in each a face whose copy carries the other label
    centres = np.array([[0.0] * 6, [200.0] * 6], dtype=np.float32)
    points = np.repeat(centres, 8, axis=0) + pixels(count=16, size=6, high=9)
    labels = np.repeat([0, 1], 8)
    points, labels = np.concatenate([points, points[:1]]), np.append(labels, 1)
    near = Neighbours(4, numbered=True)
    enn = ExactEditedNeighbours(sampling_strategy="all", n_neighbors=near)
    enn.fit_resample(points, labels)
    assert not {0, 16} & set(enn.sample_indices_.tolist())


@pytest.mark.gpu
def test_the_gpu_finds_the_same():
    points = pixels(count=3000, size=2304)
    gpu, cpu = (nearest_rows(points, None, 5, device=d, block=1024) for d in ("cuda", "cpu"))
    same(gpu, cpu)


@pytest.mark.parametrize("rows", [9, 17, 24])
def test_a_last_block_of_one_row_is_searched_as_any_other(rows):
    points = np.random.default_rng(0).integers(0, 256, (rows, 12)).astype(np.float32)
    squared, found = nearest_rows(points, None, 3, block=8)
    apart = ((points[:, None] - points[None]) ** 2).sum(2)
    np.fill_diagonal(apart, np.inf)
    assert np.array_equal(squared, np.sort(apart, axis=1)[:, :3])
    assert np.array_equal(np.take_along_axis(apart, found, axis=1), squared)
