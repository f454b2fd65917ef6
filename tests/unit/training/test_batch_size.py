"""trainer.batch_size=auto, and the sentence where memory ran out."""

import pytest
import torch
from omegaconf import OmegaConf

from ferkit.errors import ConfigError
from ferkit.model import FaceClassifier
from ferkit.training.batch_size import choose_batch_size, is_out_of_memory, largest_that_fits

CPU, GPU = torch.device("cpu"), torch.device("meta")  # any device that is not the CPU
SMALL = [
    "dataset.train=120",
    "dataset.val=24",
    "dataset.test=24",
    "dataset.people=12",
    "trainer.max_epochs=1",
    "trainer.threads=1",
    "report.saliency=none",
    "report.faces=false",
]


def memory_for(images):
    def attempt(size):
        if size > images:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    return attempt


@pytest.mark.parametrize(("room", "found"), [(1, None), (2, 2), (100, 64), (10_000, 128)])
def test_largest_power_of_two_is_found(room, found):
    assert largest_that_fits(memory_for(room), 128, GPU) == found


def test_auto_is_bounded_by_the_training_view_and_modest_on_a_cpu():
    assert choose_batch_size(memory_for(10**6), 300, GPU) == 256
    assert choose_batch_size(memory_for(10**6), 300, CPU) == 64
    assert choose_batch_size(memory_for(10**6), 20, CPU) == 20
    with pytest.raises(ConfigError, match="not even 2 images fit"):
        choose_batch_size(memory_for(1), 300, GPU)


def test_other_errors_go_through():
    def attempt(size):
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        largest_that_fits(attempt, 8, GPU)
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: 8 bytes"))
    assert not is_out_of_memory(RuntimeError("shape mismatch"))


def test_auto_is_kept_as_a_number_so_that_a_resume_has_it(ferkit, tmp_path):
    code, _, err = ferkit("train", *SMALL, "trainer.batch_size=auto", "run_dir=r")
    assert (code, "trainer.batch_size=auto: 64" in err) == (0, True), err
    assert OmegaConf.load(tmp_path / "r" / "config.yaml").trainer.batch_size == 64
    assert ferkit("train", "resume=r", "trainer.max_epochs=2")[0] == 0


def test_out_of_memory_names_the_largest_batch_that_fits(ferkit, monkeypatch):
    own = FaceClassifier.forward

    def forward(self, images):
        if self.training and len(images) > 20:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")
        return own(self, images)

    monkeypatch.setattr(FaceClassifier, "forward", forward)
    code, _, err = ferkit("train", *SMALL, "trainer.batch_size=100", "run_dir=r")
    assert code == 2
    assert "the largest batch that fits is trainer.batch_size=16;" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_what_is_no_batch_size_is_named(ferkit, value):
    code, _, err = ferkit("train", *SMALL, f"trainer.batch_size={value}", "run_dir=r")
    assert (code, "trainer.batch_size" in err) == (2, True), err
