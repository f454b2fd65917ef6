"""What differs on CUDA, shown without it: torch.cuda's own functions are replaced."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from ferkit import devices
from ferkit.devices import choose_device, choose_precision, free_memory, is_lost, peak_memory
from ferkit.loader import fits, in_order, make_loader
from ferkit.runs.folder import environment
from ferkit.training.assemble import _fused
from ferkit.training.resume import _load_optimizer, _take_up

CUDA = torch.device("cuda:1")


@pytest.fixture
def two_gpus(monkeypatch):
    """Two GPUs that share nothing but their names; the second is an older one."""
    capabilities = {0: (9, 0), 1: (7, 5)}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(
        torch.cuda, "get_device_capability", lambda device: capabilities[device.index or 0]
    )
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda *_: True)  # with emulation
    flags = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [flag.allow_tf32 for flag in flags]
    yield
    for flag, value in zip(flags, before, strict=True):
        flag.allow_tf32 = value


@pytest.mark.parametrize(("name", "dtype"), [("cuda:0", "bfloat16"), ("cuda:1", "float32")])
def test_bf16_is_chosen_by_the_gpu_that_is_used(two_gpus, name, dtype):
    assert choose_precision("auto", choose_device(name)) == getattr(torch, dtype)


def test_float32_is_computed_in_full_once_a_gpu_is_chosen(two_gpus):
    torch.backends.cudnn.allow_tf32 = True
    choose_device("auto")
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_memory_that_the_allocator_keeps_is_free(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (100, 1000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda _: 700)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda _: 200)
    assert free_memory(CUDA) == 600
    assert fits(299, CUDA) and not fits(300, CUDA)


def test_each_training_counts_its_own_peak(monkeypatch, ferkit):
    counted = []
    monkeypatch.setattr("ferkit.training.trainer.reset_peak_memory", counted.append)
    assert (
        ferkit(
            "train",
            "debug=default",
            "dataset.train=100",
            "dataset.val=70",
            "dataset.test=70",
            "run_dir=a",
            "evaluate=[]",
        )[0]
        == 0
    )
    assert counted == [torch.device("cpu")]
    reset = []
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", reset.append)
    devices.reset_peak_memory(CUDA)
    devices.reset_peak_memory(torch.device("cpu"))
    assert reset == [CUDA]
    assert peak_memory(torch.device("cpu")) > 0


def test_the_peak_of_a_cpu_is_counted_anew_too():
    """Of a process of its own: a large array is gone before the second training begins."""
    words = (
        "import numpy as np, torch; from ferkit.devices import peak_memory, reset_peak_memory\n"
        "cpu = torch.device('cpu'); np.ones(30_000_000); before = peak_memory(cpu)\n"
        "reset_peak_memory(cpu); print(before - peak_memory(cpu))"
    )
    found = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True)
    assert int(found.stdout) > 200_000_000, found.stderr


def test_env_says_whether_tf32_was_on(two_gpus, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "a GPU")
    assert environment(0, choose_device("cuda:0"), [])["tf32"] is False


def test_an_epoch_uploads_its_order_once(monkeypatch):
    faces = np.zeros((40, 4, 4), np.uint8)
    loader = make_loader(
        faces,
        np.arange(40),
        np.arange(40),
        batch_size=8,
        device=torch.device("cpu"),
        order=lambda epoch: in_order(40)(epoch)[::-1].copy(),
        cache_on_device=True,
    )
    copies, own = [], torch.Tensor.to
    monkeypatch.setattr(
        torch.Tensor, "to", lambda self, *a, **k: copies.append(len(self)) or own(self, *a, **k)
    )
    seen = [batch.targets.tolist() for batch in loader.epoch(0)]
    assert [target for batch in seen for target in batch] == list(range(39, -1, -1))
    assert copies == [40]


@pytest.mark.parametrize("flag", ["capturable", "fused", "foreach"])
def test_how_an_optimizer_computes_is_not_taken_up_from_another_device(flag):
    model = nn.Linear(3, 2)
    fresh = torch.optim.AdamW(model.parameters(), lr=0.1)
    state = torch.optim.AdamW(nn.Linear(3, 2).parameters(), lr=0.3).state_dict()
    state["param_groups"][0][flag] = True
    _load_optimizer(fresh, state)
    assert not fresh.param_groups[0][flag]
    assert fresh.param_groups[0]["lr"] == 0.3


@pytest.mark.parametrize(
    ("node", "fused"),
    [
        ({"_target_": "torch.optim.AdamW"}, True),
        ({"_target_": "torch.optim.SGD", "lr": 0.1}, True),
        ({"_target_": "torch.optim.AdamW", "foreach": True}, False),
        ({"_target_": "torch.optim.RAdam"}, False),
    ],
)
def test_one_kernel_for_all_weights_where_the_optimizer_has_it(node, fused):
    assert bool(_fused(node, CUDA)) == fused
    assert not _fused(node, torch.device("cpu"))


def test_an_empty_scaler_of_a_cpu_is_not_taken_up_by_a_gpu():
    """A run in fp16 that began on a CPU, where no scaler is, goes on where there is one."""
    loaded = []
    scaler = SimpleNamespace(load_state_dict=loaded.append)
    model, schedule = nn.Linear(3, 2), SimpleNamespace(scheduler=nn.Linear(1, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    training = SimpleNamespace(
        model=model,
        loss=nn.Identity(),
        optimizer=optimizer,
        scaler=scaler,
        schedule=schedule,
        average=None,
        settings=SimpleNamespace(max_epochs=3, epochs=3),
    )
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "scaler": {}}
    state |= {"epoch": 1, "best": 0.5, "since_best": 0, "max_epochs": 3}
    state["schedule"] = schedule.scheduler.state_dict()
    _take_up(training, state)
    assert loaded == []
    _take_up(training, state | {"scaler": {"scale": 8.0}})
    assert loaded == [{"scale": 8.0}]


def test_a_broken_gpu_ends_a_grid_in_a_sentence_for_each_run(ferkit, monkeypatch):
    trained = []

    def train(*_):
        trained.append(1)
        monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
        monkeypatch.setattr(torch.cuda, "synchronize", broken)
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    def broken():
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr("ferkit.commands.multirun._train", train)
    code, _, err = ferkit("train", "-m", "seed=0,1,2", "run_dir=r")
    assert code == 1
    assert trained == [1]
    assert err.count("The GPU failed in an earlier run") == 2
    assert is_lost()


def test_memory_is_given_back_between_the_runs_of_a_grid(ferkit, monkeypatch):
    emptied = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(1))
    monkeypatch.setattr("ferkit.commands.multirun._train", lambda *_: 0)
    assert ferkit("train", "-m", "seed=0,1", "run_dir=r")[0] == 0
    assert len(emptied) >= 2


def test_out_of_memory_in_a_grid_is_a_sentence(ferkit, monkeypatch):
    def train(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    monkeypatch.setattr("ferkit.commands.multirun._train", train)
    code, _, err = ferkit("train", "-m", "seed=0,1", "run_dir=r")
    assert code == 3
    assert err.count("There is not enough memory") == 2
    assert "Traceback" not in err


def test_a_grid_that_goes_on_takes_the_gpus_of_this_machine(ferkit, tmp_path, monkeypatch):
    words = (
        "-m",
        "debug=default",
        "dataset.train=100",
        "dataset.val=70",
        "dataset.test=70",
        "seed=0,1",
        "run_dir=r",
        "evaluate=[]",
    )
    assert ferkit("train", *words)[0] == 0
    for number in "01":
        path = tmp_path / "r" / number / "config.yaml"
        path.write_text(path.read_text().replace("device: cpu", "device: cuda:3"))
    code, _, err = ferkit("train", *words)
    assert code == 0, err


def test_mtcnn_computes_where_the_training_does(monkeypatch, tmp_path):
    from omegaconf import OmegaConf

    from ferkit import views
    from ferkit.faces import chunk

    asked = []
    monkeypatch.setattr(
        "ferkit.faces.crop.make_face_detector", lambda settings, device: asked.append(device)
    )
    chunk.forget_detectors()
    chunk._detector(settings=None, device="cpu")
    assert asked == ["cpu"]
    seen = {}
    monkeypatch.setattr(views, "prepare", lambda *_, **k: seen.update(k))
    monkeypatch.setattr(views, "build", lambda *_, **__: None)
    config = {"prepared_root": str(tmp_path), "faces": {}, "trainer": {"device": "cuda:1"}}
    views.prepare_index(None, OmegaConf.create(config))
    assert seen == {"device": "cuda:1"}


def test_what_is_predicted_is_predicted_in_full_precision(ferkit, monkeypatch):
    from ferkit.inference import scoring

    seen, own = [], scoring.predict_scores
    monkeypatch.setattr(scoring, "predict_scores", lambda *a: seen.append(a[3]) or own(*a))
    monkeypatch.setattr(devices, "_has_bf16", lambda _: True)
    assert (
        ferkit(
            "train",
            "debug=default",
            "dataset.train=100",
            "dataset.val=70",
            "dataset.test=70",
            "trainer.precision=bf16",
            "run_dir=run",
        )[0]
        == 0
    )
    assert seen == [torch.float32]


def test_the_head_alone_is_compiled_too(monkeypatch, ferkit):
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda forward: compiled.append(forward) or forward)
    words = (
        "debug=default",
        "dataset.train=100",
        "dataset.val=70",
        "dataset.test=70",
        "augment=none",
        "backbone.freeze=head_only",
        "trainer.compile=true",
    )
    code, _, err = ferkit("train", *words, "run_dir=run")
    assert code == 0, err
    assert "what is frozen is computed once" in err
    assert len(compiled) == 1
    assert "s of compiling" in err
