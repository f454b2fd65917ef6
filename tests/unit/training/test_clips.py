"""Videos in training and in testing, from the loader to the report."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from ferkit.datasets.fakes import afew
from ferkit.errors import ConfigError
from ferkit.inference.predict import predict_scores
from ferkit.inference.tta import Tta
from ferkit.inference.videos import find_videos, whole_loader
from ferkit.loader import shuffled
from ferkit.model import make_model
from ferkit.training.augment import Augment
from ferkit.training.clips import VideoAugment, draw_frames, drawing_loader, visits_of
from ferkit.training.settings import TrainerSettings

CPU = torch.device("cpu")
TIMES = ("seconds", "images_per_second", "peak_memory")
NODES = {
    "backbone": {
        "_target_": "ferkit.backbones.frame_attention.FrameAttention",
        "frame": {"_target_": "ferkit.backbones.kurmi_cnn.KurmiCNN"},
    },
    "input": {"_target_": "ferkit.input.Input", "scale": "-1..1"},
    "faces": {"size": 32},
}


def make_index(**lengths):
    rows = [
        {
            "key": f"{name}#{i}",
            "dataset": "drawn",
            "subject": "",
            "sequence": name,
            "frame": 2 * i,
            "label": "happy",
        }
        for name, length in lengths.items()
        for i in range(length)
    ]
    return pd.DataFrame(rows).sample(frac=1, random_state=0).reset_index(drop=True)


def make_faces(index, side=32):
    # every pixel of a face says which row it is
    return np.repeat(np.arange(len(index), dtype=np.uint8), side * side).reshape(-1, side, side)


@pytest.fixture
def index():
    return make_index(a=7, b=1, c=3, d=7, e=12)


@pytest.fixture
def videos(index):
    return find_videos(index, np.arange(len(index)))


def test_videos_hold_their_frames_in_order(index, videos):
    assert videos.index["key"].tolist() == ["b", "c", "a", "d", "e"]  # the shortest first
    assert videos.lengths.tolist() == videos.index["frame"].tolist() == [1, 3, 7, 7, 12]
    for start, length, name in zip(videos.starts, videos.lengths, videos.index["key"], strict=True):
        rows = videos.rows[start : start + length]
        assert index["key"].iloc[rows].tolist() == [f"{name}#{i}" for i in range(length)]
    assert index["key"].iloc[videos.middles].tolist() == ["b#0", "c#1", "a#3", "d#3", "e#6"]


def test_faces_without_a_video_are_refused(index):
    with pytest.raises(ConfigError, match="30 of 30 faces of drawn belong to no video"):
        find_videos(index.assign(sequence=""), np.arange(30))


def test_one_frame_of_each_third(videos):
    drawn = {
        (seed, epoch): draw_frames(videos, np.arange(5), 3, seed, epoch)
        for seed in (0, 1)
        for epoch in range(40)
    }
    positions = np.stack(list(drawn.values())) - videos.starts[:, None]  # [80, F, T]
    assert (positions >= 0).all() and (positions < videos.lengths[:, None]).all()
    assert (np.diff(positions, axis=2) >= 0).all()
    thirds = [set(positions[:, 4, t].tolist()) for t in range(3)]  # of the video of 12
    assert thirds == [{0, 1, 2, 3}, {4, 5, 6, 7}, {8, 9, 10, 11}]
    assert np.array_equal(np.unique(positions[:, 1], axis=0), [[0, 1, 2]])
    assert not positions[:, 0].any()
    assert np.array_equal(drawn[0, 5], draw_frames(videos, np.arange(5), 3, 0, 5))
    assert not np.array_equal(drawn[0, 5], drawn[0, 6])
    assert not np.array_equal(drawn[0, 5], drawn[1, 5])


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("visits", ["video", "frame"])
def test_training_batches_are_videos(index, videos, resident, visits):
    faces = make_faces(index)
    visited = visits_of(videos, visits)
    assert len(visited) == (5 if visits == "video" else 30)
    settings = TrainerSettings(frames_per_clip=3, batch_size=2, cache_on_device=resident)
    loader = drawing_loader(
        faces,
        videos,
        visited,
        visited,
        shuffled(len(visited), 0),
        seed=0,
        settings=settings,
        device=CPU,
    )
    batches = list(loader.epoch(1))
    assert len(batches) == loader.steps == -(-len(visited) // 2)
    seen = []
    for batch in batches:
        assert batch.images.shape[1:] == (3, 1, 32, 32)
        for images, video in zip(batch.images, batch.targets, strict=True):
            names = index["sequence"].iloc[images[:, 0, 0, 0].long().tolist()]
            assert set(names) == {videos.index["key"][video.item()]}
            seen.append(video.item())
    assert sorted(seen) == sorted(visited)
    again = list(loader.epoch(1))
    assert all(torch.equal(a.images, b.images) for a, b in zip(batches, again, strict=True))


def test_testing_batches_hold_every_frame_once(index, videos):
    loader = whole_loader(make_faces(index), videos, np.arange(5), batch_size=8, device=CPU)
    batches = list(loader.epoch(0))
    assert [tuple(b.images.shape[:2]) for b in batches] == [(1, 1), (1, 3), (1, 7), (1, 7), (1, 12)]
    rows = torch.cat([b.images[..., 0, 0].flatten() for b in batches]).tolist()
    assert rows == videos.rows.tolist()
    assert torch.cat([b.targets for b in batches]).tolist() == [0, 1, 2, 3, 4]
    wide = whole_loader(make_faces(index), videos, np.arange(5), batch_size=256, device=CPU)
    assert [tuple(b.images.shape[:2]) for b in wide.epoch(0)] == [(1, 1), (1, 3), (2, 7), (1, 12)]


def test_score_of_a_video_does_not_depend_on_its_neighbours(index):
    torch.manual_seed(0)
    model = make_model(NODES, ["angry", "happy", "sad"], 32, 1)
    faces = np.random.default_rng(0).integers(0, 256, (len(index), 32, 32), dtype=np.uint8)

    def scores(rows):
        videos = find_videos(index, rows)
        loader = whole_loader(
            faces, videos, np.zeros(len(videos.lengths), int), batch_size=256, device=CPU
        )
        found = predict_scores(model, loader, Tta())
        return dict(zip(videos.index["key"], found, strict=True))

    together = scores(np.arange(len(index)))
    assert list(together) == ["b", "c", "a", "d", "e"]
    for name, score in together.items():
        alone = scores(np.flatnonzero(index["sequence"] == name))[name]
        np.testing.assert_allclose(alone, score, atol=1e-5)


def test_every_frame_is_augmented_by_itself():
    videos = torch.rand(1, 1, 1, 8, 8).expand(4, 6, 1, 8, 8) * 255
    vary = VideoAugment(Augment(flip=True, mixup=0.3))
    shown = vary(videos, torch.Generator().manual_seed(0))
    assert shown.shape == videos.shape
    assert 1 < len(torch.unique(shown.flatten(0, 1).flatten(1), dim=0)) < 24
    assert vary.mixup == 0.3


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("videos")
    afew.make(folder / "afew", people=4, variant="faces")
    return folder


@pytest.fixture
def type_words(home, monkeypatch, capsys):
    monkeypatch.chdir(home)

    def type_them(command, *words):
        from ferkit.cli import main

        code = main([command, *words])
        return code, capsys.readouterr().err

    return type_them


AFEW = [
    "dataset=afew",
    "dataset.root=afew",
    "dataset.frames=all",
    "faces.size=32",
    "trainer.device=cpu",
    "trainer.threads=1",
    "report.saliency=none",
    "optimizer.lr=1e-3",
]
VIDEOS = [
    *AFEW,
    "backbone=frame_attention",
    "trainer.frames_per_clip=3",
    "trainer.batch_size=8",
    "backbone.frame={_target_: ferkit.backbones.kurmi_cnn.KurmiCNN}",
]
DRAWN = ["dataset.train=30", "dataset.val=10", "dataset.test=10", "dataset.size=32"]


def metrics(folder):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]


def test_a_video_training_goes_on_as_if_it_had_not_stopped(home, type_words):
    words = [*VIDEOS, "scheduler=constant"]
    code, said = type_words("train", *words, "trainer.max_epochs=2", "run_dir=unbroken")
    assert code == 0, said
    code, said = type_words("train", *words, "trainer.max_epochs=1", "run_dir=parts")
    assert code == 0, said
    code, said = type_words("train", "resume=parts", "trainer.max_epochs=2")
    assert code == 0, said
    assert metrics(home / "parts") == metrics(home / "unbroken")
    one, two = (load_file(home / run / "model.safetensors") for run in ("unbroken", "parts"))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_run_of_videos_predicts_videos(home, type_words):
    if not (home / "whole").exists():
        type_words("train", *VIDEOS, "trainer.max_epochs=1", "run_dir=whole")
    predictions = pd.read_parquet(home / "whole" / "predictions" / "val.parquet")
    split = pd.read_parquet(home / "whole" / "split.parquet")
    clips = split["key"][split["view"] == "val"].str.extract(r"(\d{9})#")[0]
    assert sorted(predictions["key"]) == sorted(clips.unique())
    assert (predictions["key"] == predictions["sequence"]).all()
    assert predictions["frame"].sum() == len(clips)
    view = json.loads((home / "whole" / "report" / "metrics.json").read_text())["views"]["val"]
    assert view["n"] == len(predictions) and "videos" not in view
    for name in ("report.md", "report.html"):
        assert (
            "each sample counted here is a video" in (home / "whole" / "report" / name).read_text()
        )
    best = max(row["val_accuracy"] for row in metrics(home / "whole"))
    assert view["accuracy"] == pytest.approx(best)
    data = json.loads((home / "whole" / "data.json").read_text())
    assert sum(data["visits"]["train"].values()) == 14 < sum(data["counts"]["train"].values())
    code, said = type_words("eval", "run=whole", "view=val")
    assert code == 0, said
    again = pd.read_parquet(home / "whole" / "eval" / "afew-val" / "predictions" / "val.parquet")
    pd.testing.assert_frame_equal(again, predictions)
    code, said = type_words("eval", "run=whole", "view=val", "tta=flip")
    assert code == 2 and "tta=none" in said


def test_a_run_of_faces_reports_videos_beside_frames(home, type_words):
    code, said = type_words(
        "train", *AFEW, "backbone=kurmi_cnn", "trainer.max_epochs=1", "run_dir=faces"
    )
    assert code == 0, said
    view = json.loads((home / "faces" / "report" / "metrics.json").read_text())["views"]["val"]
    assert view["n"] > 14
    assert {rule: metrics["n"] for rule, metrics in view["videos"].items()} == {
        "majority_vote": 14,
        "mean_scores": 14,
    }
    assert "events" not in view  # every clip has one label
    for name in ("report.md", "report.html"):
        text = (home / "faces" / "report" / name).read_text()
        assert "Majority vote" in text and "Mean of scores" in text
        assert "is a video" not in text


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ([*AFEW, "backbone=kurmi_cnn", "trainer.frames_per_clip=3"], "backbone=frame_attention"),
        ([*VIDEOS, "trainer.frames_per_clip=null"], "trainer.frames_per_clip=3"),
        ([*VIDEOS[3:], *DRAWN], "belong to no video"),
        ([*VIDEOS, "tta=flip"], "tta=none"),
        ([*VIDEOS, "imbalance=random_over"], "imbalance.resample"),
        ([*VIDEOS, "trainer.soft_targets=true"], "trainer.soft_targets"),
        ([*VIDEOS, "trainer.frames_per_clip=0"], "at least 1"),
    ],
)
def test_half_a_video_training_is_refused_in_a_sentence(home, type_words, words, hint):
    code, said = type_words("train", *words, "run_dir=refused")
    assert code == 2, said
    assert hint in said and "Traceback" not in said
    assert not (home / "refused").exists()
