import pytest
import torch

from ferkit.training.mixup import mix


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
    other = [next(j for j in range(9)
                  if torch.allclose(mixed[i], share * images[i] + (1 - share) * images[j]))
             for i in range(9)]  # fmt: skip
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
