import pytest
import torch

from ferkit.training.augment import Augment
from ferkit.training.mixup import blend, cut, mix


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (9, 1, 5, 5), generator=generator, dtype=torch.uint8)
    return images, torch.arange(9) % 4


def drawn(seed=0):
    return torch.Generator().manual_seed(seed)


def test_images_and_labels_are_blended_by_one_share(batch):
    images, targets = batch
    mixed, soft = mix(images, targets, drawn(), 1.0, 4)
    torch.testing.assert_close(soft.sum(1), torch.ones(9))
    own = soft[range(9), targets]
    share = own.min()  # of a row whose partner has another class
    other = [
        next(
            j
            for j in range(9)
            if torch.allclose(mixed[i], share * images[i] + (1 - share) * images[j])
        )
        for i in range(9)
    ]
    assert sorted(other) == list(range(9))
    hot = torch.eye(4)[targets]
    torch.testing.assert_close(soft, share * hot + (1 - share) * hot[other])


def test_a_generator_s_state_decides(batch):
    one, two = mix(*batch, drawn(3), 0.4, 4), mix(*batch, drawn(3), 0.4, 4)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not torch.equal(one[0], mix(*batch, drawn(4), 0.4, 4)[0])


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_the_share_follows_beta(alpha, batch):
    images, _ = batch
    generator = drawn()
    shares = []
    for _ in range(600):
        _, soft = mix(images, torch.arange(9), generator, alpha, 9)
        shares.append(soft.diagonal().min())  # a row that meets itself keeps 1
    spread = torch.stack(shares)
    assert spread.mean().item() == pytest.approx(0.5, abs=0.05)
    assert spread.var().item() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.15)


def test_soft_targets_are_blended_as_they_are(batch):
    images, _ = batch
    votes = torch.rand(9, 4, generator=drawn(1))
    _, soft = mix(images, votes, drawn(), 1.0, 4)
    torch.testing.assert_close(soft.sum(0), votes.sum(0))


def test_cutmix_pastes_one_rectangle_and_blends_labels_by_its_area():
    generator, seen = drawn(), set()
    plain = torch.arange(12)[:, None, None, None].expand(12, 2, 10, 14).float()
    for _ in range(40):
        cut_faces, soft = cut(plain, torch.arange(12), generator, 1.0, 12)
        foreign = cut_faces != plain
        changed = foreign.flatten(1).any(1).nonzero().ravel()
        if not len(changed):
            continue
        where = foreign[changed[0], 0]
        rows, columns = where.any(1), where.any(0)
        assert torch.equal(where, rows[:, None] & columns[None])
        assert torch.equal(foreign[changed], where.expand(len(changed), 2, 10, 14))
        share = where.float().mean()
        for i in changed.tolist():
            other = int(cut_faces[i, 0][where][0])
            assert soft[i, other].item() == pytest.approx(share.item(), abs=1e-6)
            assert soft[i, i].item() == pytest.approx(1 - share.item(), abs=1e-6)
        seen.add(round(share.item(), 2))
    assert len(seen) > 12


def test_of_mixup_and_cutmix_one_is_taken_by_batch(batch):
    both = Augment(mixup=1.0, cutmix=1.0)
    images, targets = batch
    pasted = 0
    for seed in range(60):
        faces, soft = blend(images, targets, drawn(seed), both, 4)
        torch.testing.assert_close(soft.sum(1), torch.ones(9))
        pasted += bool((faces == faces.round()).all())
    assert 15 < pasted < 45
    untouched = blend(images, targets, drawn(), Augment(), 4)
    assert untouched[0] is images and untouched[1] is targets
