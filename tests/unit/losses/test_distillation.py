"""Distillation against its formula, and with teachers that were trained."""

import json

import numpy as np
import pytest
import torch

from ferkit.errors import ConfigError
from ferkit.losses import CrossEntropy, Distillation

SMALL = [
    "dataset.train=64",
    "dataset.val=32",
    "dataset.test=32",
    "dataset.people=20",
    "backbone=mini_xception",
    "trainer.max_epochs=2",
    "trainer.batch_size=32",
    "trainer.device=cpu",
    "trainer.threads=1",
    "evaluate=[val]",
]
TIMES = ("seconds", "images_per_second", "peak_memory")


def test_it_is_the_formula():
    generator = torch.Generator().manual_seed(0)
    logits, taught = (torch.randn(*s, generator=generator) for s in ((6, 4), (6, 3, 4)))
    targets, weights = torch.arange(6) % 4, torch.tensor([1.0, 2.0, 0.5, 1.0])
    loss = Distillation(4, weights, temperature=2.5, weight=0.3, label_smoothing=0.1)
    z, t = logits.double().numpy() / 2.5, taught.double().numpy() / 2.5
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    q = (np.exp(t) / np.exp(t).sum(2, keepdims=True)).mean(1)
    divergence = (q * (np.log(q) - np.log(p))).sum(1).mean()
    hard = CrossEntropy(4, weights, label_smoothing=0.1)(logits, targets)
    expected = 0.7 * float(hard) + 0.3 * 2.5**2 * divergence
    assert loss(logits, targets, taught).item() == pytest.approx(expected, rel=1e-5)
    torch.testing.assert_close(loss(logits, targets), hard)


def test_taught_by_itself_only_the_labels_pull():
    logits = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    Distillation(4, weight=1.0)(logits, torch.arange(5) % 4, logits.detach()[:, None]).backward()
    torch.testing.assert_close(logits.grad, torch.zeros(5, 4), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("key", "value"), [("temperature", 0), ("weight", 1.1), ("teachers", "run")]
)
def test_values_outside_their_range_are_refused(key, value):
    with pytest.raises(ConfigError, match=rf"loss\.{key}"):
        Distillation(4, **{key: value})


def rows_of(folder):
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]


@pytest.mark.slow
def test_scores_known_beforehand_train_as_those_of_every_step(trained, ferkit, tmp_path):
    teachers = [str(trained(*SMALL, f"seed={seed}", name=f"t{seed}")) for seed in (1, 2)]
    words = [*SMALL, "loss=distillation", f"loss.teachers=[{','.join(teachers)}]", "augment=none"]
    said = ferkit("train", *words, "run_dir=once")
    assert said.code == 0, said.err
    assert "teachers' scores are computed once" in said.out + said.err
    # noise too weak to move a pixel value is an augmentation
    said = ferkit("train", *words, "augment.noise=1e-12", "run_dir=anew")
    assert "computed once" not in said.out + said.err
    for one, two in zip(rows_of(tmp_path / "once"), rows_of(tmp_path / "anew"), strict=True):
        assert one == pytest.approx(two, abs=1e-4)
    ferkit("train", *SMALL, "augment=none", "run_dir=alone")
    assert rows_of(tmp_path / "alone") != rows_of(tmp_path / "once")


def test_teachers_that_do_not_fit_are_refused_by_a_sentence(trained, ferkit):
    teacher = trained(*SMALL, "seed=1", name="t1")
    words = [*SMALL, "loss=distillation"]
    for more, sentence in (
        ([], "no loss.teachers"),
        ([f"loss.teachers=[{teacher}]", "emotions=[fear,sad]"], "emotions=[angry"),
        ([f"loss.teachers=[{teacher}]", "faces.size=40"], "size 48"),
    ):
        said = ferkit("train", *words, *more)
        assert said.code == 2
        assert sentence in said.err
    assert ferkit("train", *words, "loss.teachers=[nowhere]").code == 3
