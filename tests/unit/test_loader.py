import numpy as np
import pytest
import torch

from ferkit.loader import DeviceLoader, StreamingLoader, make_loader, shuffled

CPU = torch.device("cpu")


@pytest.fixture(params=[(10, 6, 6), (10, 6, 6, 3)])
def faces(request, tmp_path):
    values = np.random.default_rng(0).integers(0, 256, request.param, dtype=np.uint8)
    np.save(tmp_path / "faces.npy", values)
    return np.load(tmp_path / "faces.npy", mmap_mode="r")


@pytest.mark.parametrize("kind", [DeviceLoader, StreamingLoader])
def test_batches_are_the_rows_asked_for(faces, kind):
    rows = np.array([7, 1, 4, 2, 9])
    targets = np.array([0, 1, 2, 3, 4])
    loader = kind(faces, rows, targets, 2, CPU, shuffled(5, seed=3))
    batches = list(loader.epoch(1))
    assert [len(b.targets) for b in batches] == [2, 2, 1]
    assert loader.steps == 3
    for batch in batches:
        assert batch.images.dtype == torch.uint8
        for image, target, place in zip(batch.images, batch.targets, batch.positions, strict=True):
            assert target == targets[place]
            stored = torch.from_numpy(np.array(faces[rows[place]]))
            assert torch.equal(image, stored[None] if stored.ndim == 2 else stored.permute(2, 0, 1))
    assert sorted(p for b in batches for p in b.positions) == [0, 1, 2, 3, 4]


def test_both_loaders_give_the_same_batches(faces):
    rows, targets = np.arange(10), np.arange(10)
    pair = [
        make_loader(
            faces,
            rows,
            targets,
            batch_size=3,
            device=CPU,
            order=shuffled(10, 5),
            cache_on_device=resident,
        )
        for resident in (True, False)
    ]
    for epoch in (0, 3):
        for a, b in zip(*(loader.epoch(epoch) for loader in pair), strict=True):
            assert torch.equal(a.images, b.images)
            assert torch.equal(a.targets, b.targets)


def test_order_depends_on_seed_and_epoch_alone():
    first = shuffled(50, seed=1)
    again = shuffled(50, seed=1)
    first(0), first(1)
    assert np.array_equal(first(2), again(2))
    assert not np.array_equal(first(2), first(3))
    assert not np.array_equal(first(2), shuffled(50, seed=2)(2))
