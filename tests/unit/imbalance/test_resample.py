from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import yaml

from ferkit.errors import ConfigError
from ferkit.imbalance.resample import (
    Resampled,
    resample,
    resample_train,
    training_rows,
)
from ferkit.imbalance.resamplers import RESAMPLERS, find_sampler, make_sampler
from ferkit.imbalance.spaces import MIXING, is_wide, rotate, warn_of_memory
from ferkit.imbalance.strategy import Strategy
from ferkit.reports.synthetic import draw_examples
from ferkit.training.synthetic import synthetic_examples

EMOTIONS = ("angry", "disgust", "fear")
CODES = np.repeat([0, 1, 2], [40, 9, 25])
KEYS = np.array([f"d/{i:03d}" for i in range(len(CODES))])
YAMLS = Path(__file__).parents[3] / "configs" / "imbalance"


def make_faces(shape=(6, 6), seed=0):
    rng = np.random.default_rng(seed)
    centres = rng.integers(110, 140, (3, *shape))
    noise = rng.integers(-60, 61, (len(CODES), *shape))
    return (centres[CODES] + noise).astype(np.uint8)


FACES = make_faces()


def run(faces=FACES, **options):
    return resample(faces, CODES, KEYS, emotions=EMOTIONS, **options)


def check_consistent(found: Resampled):
    """What holds for every sampler."""
    assert found.faces.dtype == np.uint8
    assert len(found.faces) == len(found.class_ids) == len(found.keys) == len(found.sources)
    assert len(set(found.keys)) == len(found.keys)
    assert found.counts_before == {"angry": 40, "disgust": 9, "fear": 25}
    assert sum(found.counts_after.values()) == len(found.class_ids)
    places = {key: i for i, key in enumerate(KEYS)}
    kept = [i for i, key in enumerate(found.keys) if key in places]
    assert not found.made[kept].any()
    assert found.made.sum() == len(found.keys) - len(kept)
    before = [places[found.keys[i]] for i in kept]
    assert np.array_equal(found.faces[kept], FACES[before])
    assert np.array_equal(found.class_ids[kept], CODES[before])
    assert sorted(found.dropped) == sorted(set(KEYS) - set(found.keys))


def check_on_segments(found: Resampled, faces):
    """Every made face lies between the parents that it names, of its own class."""
    places = {key: i for i, key in enumerate(KEYS)}
    for i in np.flatnonzero(found.made):
        a, b = (places[key] for key in found.sources[i].split("|"))
        assert a != b
        assert CODES[a] == CODES[b] == found.class_ids[i]
        start, end = faces[a].astype(float), faces[b].astype(float)
        point = start + found.steps[i] * (end - start)
        assert 0 <= found.steps[i] <= 1
        assert np.abs(point - found.faces[i]).max() <= 0.5
    assert found.made.any()


@pytest.mark.parametrize("rule", ["smote", "smote_tomek", "smote_enn"])
@pytest.mark.parametrize("space", ["pixels", "pca"])
def test_made_faces_lie_between_their_parents(rule, space):
    found = run(rule=rule, space=space, components=5)
    check_consistent(found)
    check_on_segments(found, FACES)
    assert all(key.startswith(f"{rule}/") for key in found.keys[found.made])


def test_smote_evens_the_classes():
    found = run(rule="smote")
    assert found.counts_after == {"angry": 40, "disgust": 40, "fear": 40}
    assert found.dropped == []
    assert found.describe()["made"] == 46


def test_the_pixels_are_imbalanced_learns():
    from imblearn.combine import SMOTETomek

    flat = FACES.reshape(len(FACES), -1).astype(np.float32)
    expected, class_ids = SMOTETomek(random_state=4).fit_resample(flat, CODES)
    found = run(rule="smote_tomek", seed=4)
    assert np.array_equal(found.class_ids, class_ids)
    assert np.abs(found.faces.reshape(len(class_ids), -1) - expected).max() <= 0.5 + 1e-4


def test_a_face_made_in_pca_projects_onto_the_point_that_was_drawn():
    from sklearn.decomposition import PCA

    found = run(rule="smote", space="pca", components=4)
    pca = PCA(4, svd_solver="covariance_eigh").fit(FACES.reshape(len(FACES), -1))
    rows = pca.transform(found.faces.reshape(len(found.faces), -1))
    a, b = rows[found.parents[found.made].T]
    drawn = a + found.steps[found.made, None] * (b - a)
    # half a grey level a pixel is at most 0.5 * sqrt(36) along any direction
    assert np.linalg.norm(rows[found.made] - drawn, axis=1).max() <= 3
    assert "4 components hold" in found.notes[0]


def test_features_are_mixed_as_they_are():
    features = np.random.default_rng(5).normal(size=(len(CODES), 4)).astype(np.float32)
    found = run(features, rule="smote_tomek", space="features")
    a, b = features[found.parents.T].astype(float)
    steps = found.steps[:, None]
    np.testing.assert_allclose(found.faces, a + steps * (b - a), atol=1e-6)
    assert found.faces.dtype == np.float32
    assert found.made.any()


def test_coloured_faces():
    faces = make_faces((4, 4, 3))
    found = run(faces, rule="smote")
    assert found.faces.shape == (120, 4, 4, 3)
    check_on_segments(found, faces)


def test_the_seed_decides():
    first, again, other = (run(rule="smote", seed=s) for s in (1, 1, 2))
    assert np.array_equal(first.faces, again.faces)
    assert np.array_equal(first.sources, again.sources)
    assert not np.array_equal(first.faces, other.faces)


def test_random_over_copies():
    found = run(rule="random_over")
    check_consistent(found)
    assert set(found.counts_after.values()) == {40}
    places = {key: i for i, key in enumerate(KEYS)}
    for i in np.flatnonzero(found.made):
        assert np.array_equal(found.faces[i], FACES[places[found.sources[i]]])


def test_random_under_drops():
    found = run(rule="random_under")
    check_consistent(found)
    assert set(found.counts_after.values()) == {9}
    assert len(found.dropped) == 47
    assert not found.made.any()


def test_tomek_drops_a_copy_of_another_class():
    faces = FACES.copy()
    faces[0] = faces[45]  # an angry copy of a disgusted face
    found = run(faces, rule="tomek", sampling_strategy="all")
    assert {"d/000", "d/045"} <= set(found.dropped)
    assert not found.made.any()


def test_the_strategy_of_samples_names_classes():
    found = run(rule="smote", sampling_strategy={"disgust": 20})
    assert found.counts_after == {"angry": 40, "disgust": 20, "fear": 25}
    found = run(rule="EditedNearestNeighbours", sampling_strategy=["fear"])
    assert found.counts_after["angry"] == 40
    assert found.counts_after["fear"] < 25
    with pytest.raises(ConfigError, match="Did you mean 'disgust'"):
        run(rule="smote", sampling_strategy={"digust": 20})


@pytest.mark.parametrize("rule", ["ADASYN", "BorderlineSMOTE", "SVMSMOTE", "ClusterCentroids"])
def test_samplers_that_do_not_say_what_their_rows_are_made_of(rule):
    found = run(rule=rule)
    check_consistent(found)
    assert (found.sources == "").all()
    assert np.isnan(found.steps[found.made]).all()
    assert found.made.any()
    assert any("does not say" in note for note in found.notes)


@pytest.mark.parametrize("rule", ["NearMiss", "AllKNN", "OneSidedSelection", "SMOTETomek"])
def test_other_samplers_by_their_class(rule):
    found = run(rule=rule)
    check_consistent(found)
    assert not any("does not say" in note for note in found.notes)
    assert len(found.class_ids) != len(CODES)


def test_a_smoothed_copy_is_no_copy():
    found = run(rule="RandomOverSampler", options={"shrinkage": 0.3})
    check_consistent(found)
    assert np.isnan(found.steps[found.made]).all()
    assert (found.sources[found.made] != "").all()
    parents = FACES[found.parents[found.made, 0]]
    assert not np.array_equal(found.faces[found.made], parents)


def test_what_is_no_sampler_is_refused():
    for name in ("FunctionSampler", "BaseSampler", "smoteomek", "os.system", "check_neighbors"):
        with pytest.raises(ConfigError, match=r"Unknown imbalance\.resample\.rule"):
            find_sampler(name)
    with pytest.raises(ConfigError, match="Did you mean 'k_neighbors'"):
        make_sampler("smote", options={"k_neighbours": 3})
    with pytest.raises(ConfigError, match="Unknown key"):
        make_sampler("RandomOverSampler", options={"random_state": 3})
    with pytest.raises(ConfigError, match="k_neighbors is 0"):
        make_sampler("smote", options={"k_neighbors": 0})


def few(*counts, seed=3):
    class_ids = np.repeat(np.arange(len(counts)), counts)
    faces = np.random.default_rng(seed).integers(0, 256, (len(class_ids), 5, 5), dtype=np.uint8)
    faces = faces // 4 + 60 * class_ids.astype(np.uint8)[:, None, None]  # classes lie apart
    return faces, class_ids, np.array([f"k{i}" for i in range(len(class_ids))])


def test_neighbours_are_bounded_by_the_faces_of_a_class():
    found = run(rule="smote", options={"k_neighbors": 10})
    assert found.counts_after == {"angry": 40, "disgust": 40, "fear": 40}
    assert found.notes == ["k_neighbors is 10, bounded by the images of a class: 8 for disgust"]
    with pytest.raises(ConfigError, match="cannot resample"):
        run(rule="random_over", sampling_strategy="often")


@pytest.mark.parametrize("counts", [(12, 3, 7), (12, 2, 1), (12, 1, 1), (3, 1, 2)])
@pytest.mark.parametrize("space", ["pixels", "pca"])
@pytest.mark.parametrize("rule", RESAMPLERS)
def test_every_resampler_runs_with_few_faces_of_a_class(rule, space, counts):
    faces, class_ids, keys = few(*counts)
    found = resample(faces, class_ids, keys, rule=rule, space=space, emotions=EMOTIONS)
    before = dict(zip(EMOTIONS, counts, strict=True))
    assert found.counts_before == before
    assert all(n > 0 for n in found.counts_after.values())
    assert len(set(found.keys)) == len(found.keys)
    if "smote" in rule and 1 in counts:
        alone = counts.index(1)
        assert any(EMOTIONS[alone] in note and "copied" in note for note in found.notes)
        assert (found.faces[found.class_ids == alone] == faces[class_ids == alone][0]).all()
        assert found.made[found.class_ids == alone].sum() == max(counts) - 1
    if space == "pca" and rule not in ("random_over", "random_under"):
        assert any(f"bounded by the {len(class_ids)} faces" in note for note in found.notes)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("rule", ["smote_enn", "smote_tomek", "tomek"])
def test_cleaning_among_few_mingled_faces_leaves_some_of_every_class(rule, seed):
    class_ids = np.repeat([0, 1, 2], [16, 9, 1])
    faces = np.random.default_rng(seed).integers(0, 256, (len(class_ids), 5, 5), dtype=np.uint8)
    faces[16:25] = faces[:9]  # of two classes at once
    keys = np.array([f"k{i}" for i in range(len(class_ids))])
    found = resample(faces, class_ids, keys, rule=rule, emotions=EMOTIONS, seed=seed)
    assert all(found.counts_after.values())
    if rule == "smote_enn":
        assert any("kept whole" in note for note in found.notes)


@pytest.mark.parametrize(
    ("rule", "smallest"),
    [("ADASYN", 3), ("BorderlineSMOTE", 3), ("BorderlineSMOTE", 1), ("SVMSMOTE", 3)],
)
def test_other_oversamplers_are_bounded_too(rule, smallest):
    faces, class_ids, keys = few(12, smallest, 12)
    faces[:12] = faces[12] + np.arange(12, dtype=np.uint8)[:, None, None]  # near another class
    found = resample(faces, class_ids, keys, rule=rule, emotions=EMOTIONS)
    assert any("bounded" in note for note in found.notes)
    assert found.counts_after["disgust"] >= smallest
    assert not found.dropped and len(set(found.keys)) == len(found.keys)


def test_a_class_that_would_vanish_is_an_error_and_one_that_shrinks_a_note():
    assert run(rule="random_under").notes == [
        "random_under leaves 9 of 40 angry",
        "random_under leaves 9 of 25 fear",
    ]
    faces = FACES.copy()
    faces[CODES == 1] = faces[:9]  # every disgusted face is a copy of an angry one
    with pytest.raises(ConfigError, match="not one image of disgust"):
        run(faces, rule="EditedNearestNeighbours", sampling_strategy=["disgust"])


def test_components_are_checked():
    assert "37, bounded by" in run(space="pca", components=37).notes[0]
    with pytest.raises(ConfigError, match="1 to 36 components"):
        run(space="pca", components=0)
    with pytest.raises(ConfigError, match=r"Unknown imbalance\.resample\.space 'pixel'"):
        run(space="pixel")


def test_rows_of_other_views_are_refused():
    views = np.array(["train", "val", "test", "train", "", "test"])
    assert training_rows(views).tolist() == [0, 3]
    assert training_rows(views, np.array([3])).tolist() == [3]
    with pytest.raises(ConfigError, match=r"\(2 of test and 1 of val\)"):
        training_rows(views, np.array([0, 1, 2, 5]))
    with pytest.raises(ConfigError, match="before a split"):
        training_rows(np.full(6, ""))


@dataclass
class FakeViews:
    """What `resample_train` reads of Views."""

    store: SimpleNamespace
    emotions: tuple
    class_ids: np.ndarray
    split: SimpleNamespace


def test_the_train_view_alone_is_resampled():
    assigned = np.where(np.arange(len(CODES)) % 2, "train", "val").astype(object)
    store = SimpleNamespace(faces=FACES, index=pd.DataFrame({"key": KEYS}))
    views = FakeViews(store, EMOTIONS, CODES, SimpleNamespace(views=assigned))
    slot = {"rule": "smote", "options": {"k_neighbors": 2}}
    found = resample_train(views, Strategy(resample=slot).resampling, seed=0)
    used = {key for source in found.sources for key in source.split("|") if key}
    assert used
    with pytest.raises(ConfigError, match="features of a frozen backbone"):
        resample_train(views, Strategy(resample={"space": "features"}).resampling, seed=0)
    assert (used | set(found.keys[~found.made])) <= set(KEYS[1::2])


def test_examples_for_a_sheet():
    found = run(rule="smote")
    shown = synthetic_examples(found, FACES, per_class=3)
    assert shown.class_ids.tolist() == [1, 1, 1, 2, 2, 2]
    assert shown.parents.shape == (6, 2, 6, 6)
    between = np.minimum(*shown.parents.swapaxes(0, 1)), np.maximum(*shown.parents.swapaxes(0, 1))
    assert ((shown.faces >= between[0]) & (shown.faces <= between[1])).all()
    assert shown.sources[0] == "|".join(KEYS[found.parents[found.keys == shown.keys[0]][0]])
    titles = [axes.get_title() for axes in draw_examples(shown, EMOTIONS).axes]
    assert [t for t in titles if t] == [f"{step:.2f}" for step in shown.steps]
    assert len(synthetic_examples(run(rule="random_under"), FACES).faces) == 0


@pytest.mark.parametrize("name", [*RESAMPLERS, "smote_tomek_pca"])
def test_every_yaml_resamples(name):
    from ferkit.config import build

    node = yaml.safe_load((YAMLS / f"{name}.yaml").read_text(encoding="utf-8"))
    options = build(node, where="imbalance").resampling
    assert options.rule == name.removesuffix("_pca")
    found = run(**{**vars(options), "components": 8})
    check_consistent(found)
    assert found.counts_after != found.counts_before or found.dropped


def test_the_slot_is_checked_when_it_is_read():
    for slot, said in [
        ("smot", "Did you mean 'smote'"),
        ({"rule": "smote", "k": 3}, "Unknown key of imbalance.resample"),
        ({"space": "pixel"}, "Did you mean 'pixels'"),
        ({"components": 0.5}, "whole number"),
        ({"options": "k_neighbors"}, "e.g."),
    ]:
        with pytest.raises(ConfigError, match=said):
            Strategy(resample=slot)
    assert Strategy(resample="NearMiss").resampling.space == "pixels"


@pytest.mark.parametrize(("free", "warned"), [(1e9, 1), (200e9, 0)])
def test_memory_that_resampling_cannot_have_is_said_beforehand(monkeypatch, caplog, free, warned):
    """Of 100,000 grey faces of 224: 100 GB, five times as float32."""
    monkeypatch.setattr("ferkit.devices.free_memory", lambda _: int(free))
    monkeypatch.setattr("ferkit.log.log.propagate", True)
    warn_of_memory(100_000, 224 * 224)
    assert len(caplog.records) == warned
    if warned:
        assert "takes some 100.4 GB" in caplog.text
        assert "imbalance.resample.space=features" in caplog.text


@pytest.mark.parametrize("rule", MIXING)
@pytest.mark.parametrize("space", ["pixels", "pca"])
def test_large_faces_are_resampled_alike_in_fewer_numbers(monkeypatch, rule, space):
    draw = np.random.default_rng(5)
    class_ids = np.repeat([0, 1, 2], [30, 14, 9])
    centres = draw.integers(80, 170, (3, 12, 12, 3))
    faces = (centres[class_ids] + draw.normal(0, 30, (53, 12, 12, 3))).clip(0, 255).astype(np.uint8)
    faces[20] = faces[21]  # a face twice

    def made():
        keys = np.array([str(i) for i in range(53)])
        return resample(faces, class_ids, keys, rule=rule, space=space, components=8, seed=1)

    plain = made()
    monkeypatch.setattr("ferkit.imbalance.spaces._WIDE_BYTES", 0)
    assert is_wide(faces, rule)
    rotated = made()
    np.testing.assert_array_equal(rotated.parents, plain.parents)
    np.testing.assert_array_equal(rotated.faces, plain.faces)
    np.testing.assert_array_equal(rotated.class_ids, plain.class_ids)


def test_a_rotation_keeps_distances():
    faces = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3)).astype(np.uint8)
    flat, rotated = faces.reshape(20, -1).astype(float), rotate(faces).astype(float)
    before, after = (((x[:, None] - x[None]) ** 2).sum(-1) for x in (flat, rotated))
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=20)
