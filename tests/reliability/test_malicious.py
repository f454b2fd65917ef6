"""Files of a stranger: each is refused or read harmlessly; nothing is run, nothing gets out."""

import json
import os
import pickle
import shutil
import socket
import struct
import zipfile

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

MARK = "EXECUTED"
PHOTO = ["faces.detector=none", "source=photo.png", "out=out"]


class Payload:
    """Makes a folder when it is unpickled."""

    def __reduce__(self):
        return os.mkdir, (MARK,)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("finished")


@pytest.fixture
def run(command, quick, home, tmp_path):
    """A copy of a small finished run whose files a test replaces; it keeps no checksums."""
    if not (home / "run" / "report").is_dir():
        words = [*quick, "trainer.max_epochs=1", "run_dir=run"]
        code, printed, _ = command(*words, folder=home)
        assert code == 0, printed
    shutil.copytree(home, tmp_path, dirs_exist_ok=True)
    (tmp_path / "run" / "checksums.json").unlink(missing_ok=True)
    Image.fromarray(np.full((48, 48), 90, np.uint8)).save(tmp_path / "photo.png")
    return tmp_path / "run"


def harmless(tmp_path, code, printed, *, refused=True):
    assert not list(tmp_path.rglob(MARK)), printed
    assert "Traceback" not in printed
    assert code in ((2, 3) if refused else (0, 2, 3)), printed
    assert "\x1b" not in printed


def with_metadata(run, change):
    """The run's model with its metadata changed, in the form of before (no sum)."""
    path = run / "model.safetensors"
    with safe_open(path, framework="pt") as file:
        card = json.loads(file.metadata()["ferkit"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    said = {
        "emotions": card["emotions"],
        "size": card["size"],
        "channels": card["channels"],
        **card["nodes"],
    }
    change(said)
    metadata = {k: v if isinstance(v, str) else json.dumps(v) for k, v in said.items()}
    save_file(tensors, path, metadata=metadata | {"format": "1"})


TARGETS = [
    {"_target_": "ferkit.cli.main", "words": ["data", "fake", "dataset=ckplus", f"out={MARK}"]},
    {"_target_": "os.mkdir", "path": MARK},
    {"_target_": "pathlib.Path.mkdir", "self": MARK},
    {"_target_": "ferkit.targets._import_path", "path": "evil.run", "where": "x"},
    {"_target_": "ferkit.datasets.fakes.folder.make", "out": MARK},
    {"_target_": "torch.hub.load", "repo_or_dir": "."},
    {"_target_": "hydra.utils.instantiate", "config": {"_target_": "os.mkdir", "path": MARK}},
    {"_target_": "builtins.exec", "source": f"import os; os.mkdir('{MARK}')"},
]


@pytest.mark.parametrize("node", TARGETS)
@pytest.mark.parametrize("key", ["input", "backbone"])
def test_targets_in_a_models_metadata(command, run, tmp_path, node, key):
    (tmp_path / "evil.py").write_text(f"import os\nos.mkdir('{MARK}')\ndef run(): pass\n")
    with_metadata(run, lambda said: said.update({key: node}))
    code, printed, _ = command("predict", "model=run/model.safetensors", *PHOTO)
    harmless(tmp_path, code, printed)


def test_a_target_inside_the_node_of_a_models_network(command, run, tmp_path):
    frames = {"_target_": "ferkit.backbones.frame_attention.FrameAttention", "frame": TARGETS[0]}
    with_metadata(run, lambda said: said.update(backbone=frames))
    code, printed, _ = command("predict", "model=run/model.safetensors", *PHOTO)
    harmless(tmp_path, code, printed)


GROUPS = [
    "dataset",
    "faces",
    "split",
    "imbalance",
    "loss",
    "augment",
    "input",
    "backbone",
    "optimizer",
    "scheduler",
    "trainer",
    "tta",
    "logger",
]


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("words", [["train", "resume=run"], ["eval", "run=run", "view=test"]])
def test_targets_in_a_runs_config(command, run, tmp_path, group, words):
    path = run / "config.yaml"
    config = yaml.safe_load(path.read_text())
    config[group] = TARGETS[0]
    path.write_text(yaml.safe_dump(config))
    code, printed, _ = command(*words)
    harmless(tmp_path, code, printed)


@pytest.mark.parametrize("value", ["${oc.env:HOME}", "${oc.create:{a: 1}}", "${seed}", "${x:y}"])
def test_interpolations_in_a_runs_config(command, run, tmp_path, value):
    path = run / "config.yaml"
    config = yaml.safe_load(path.read_text())
    config["data_root"] = value
    path.write_text(yaml.safe_dump(config))
    code, printed, _ = command("eval", "run=run", "view=val")
    harmless(tmp_path, code, printed)
    assert os.environ["HOME"] not in printed.replace(str(tmp_path), "")


@pytest.mark.parametrize("name", ["last.ckpt", "previous.ckpt"])
def test_pickles_in_a_checkpoint(command, run, tmp_path, name):
    for other in (run / "checkpoints").iterdir():
        other.unlink()
    with (run / "checkpoints" / name).open("wb") as file:
        torch.save({"format": 1, "epoch": 1, "model": Payload()}, file)
    code, printed, _ = command("train", "resume=run", "trainer.max_epochs=2")
    harmless(tmp_path, code, printed)
    assert "weights_only" not in printed


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_pickles_as_weights_to_begin_with(command, quick, tmp_path, how):
    with (tmp_path / "weights.pth").open("wb") as file:
        (torch.save if how == "torch" else pickle.dump)({"a": Payload()}, file)
    code, printed, _ = command(*quick, "backbone.init_from=weights.pth", "run_dir=other")
    harmless(tmp_path, code, printed)
    assert "weights_only" not in printed


@pytest.mark.parametrize("name", ["examples.npz", "val.parquet"])
def test_pickles_in_predictions(command, run, tmp_path, name):
    path = run / "predictions" / name
    if name.endswith(".npz"):
        np.savez(path, key=np.array([Payload()], dtype=object))
    else:
        path.write_bytes(pickle.dumps(Payload()))
    code, printed, _ = command("eval", "run=run")
    harmless(tmp_path, code, printed, refused=name != "examples.npz")


HEADERS = [
    b"",
    b"\xff" * 8,
    struct.pack("<Q", 1 << 40) + b"{}",
    struct.pack("<Q", 100 << 20),
    struct.pack("<Q", 2) + b"[]",
    b"PK\x03\x04" + b"\0" * 50,
]


@pytest.mark.parametrize("content", HEADERS)
def test_absurd_headers_of_a_model(command, run, tmp_path, content):
    (run / "model.safetensors").write_bytes(content)
    code, printed, _ = command("predict", "model=run", *PHOTO, limit=60)
    harmless(tmp_path, code, printed)


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said.update(size=10**9),
        lambda said: said.update(size="big"),
        lambda said: said.update(channels=10**6),
        lambda said: said.update(emotions=["a"] * 10**6),
        lambda said: said.update(backbone="[" * 50_000),
        lambda said: said.pop("input"),
    ],
)
def test_absurd_metadata_of_a_model(command, run, tmp_path, change):
    with_metadata(run, change)
    code, printed, _ = command("predict", "model=run/model.safetensors", *PHOTO, limit=60)
    harmless(tmp_path, code, printed)


def bomb(levels=30):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(lines) + "\n"


YAMLS = [bomb(), "a: &a [*a]\n", "[" * 20_000, "a: " * 5_000, "- " * 9_000]


@pytest.mark.parametrize("text", YAMLS)
@pytest.mark.parametrize(
    "words", [["eval", "run=run"], ["train", "resume=run"], ["eval", "runs=[run]", "out=o"]]
)
def test_yaml_bombs(command, run, tmp_path, text, words):
    (run / "config.yaml").write_text(text)
    code, printed, _ = command(*words, limit=60)
    harmless(tmp_path, code, printed)


NAMES = [
    "<img src=x onerror=alert(1)>.png",
    "a\nb.png",
    "\x1b[2Jx.png",
    "=1+1|cmd.png",
    "-rf.png",
    "$(mkdir EXECUTED).png",
    "`mkdir EXECUTED`.png",
    "a;b&c.png",
    "ü\u202egnp.png",
]


def test_names_of_files_in_every_page(command, quick, faces, tmp_path):
    shutil.copytree(faces, tmp_path / "named")
    rng = np.random.default_rng(3)
    for name in NAMES:
        for folder in ("train/happy", "test/happy"):
            where = tmp_path / "named" / folder / name.replace("/", "_")
            Image.fromarray(rng.integers(0, 256, (48, 48), dtype=np.uint8)).save(where)
    words = ["train", *[w for w in quick[1:] if not w.startswith("dataset.root")]]
    code, printed, _ = command(*words, "dataset.root=named", "run_dir=run", "report.saliency=none")
    harmless(tmp_path, code, printed, refused=False)
    assert code == 0, printed
    for words in (["data", "check"], ["data", "show", "out=page"]):
        code, printed, _ = command(*words, "dataset=folder", "dataset.root=named")
        harmless(tmp_path, code, printed, refused=False)
        assert code == 0, printed
    code, printed, _ = command(
        "predict", "model=run", "source=named/test/happy", "out=out", "faces.detector=none"
    )
    harmless(tmp_path, code, printed, refused=False)
    assert code == 0, printed
    pages = [p for p in tmp_path.rglob("*") if p.suffix in (".html", ".md", ".csv", ".tex")]
    assert len(pages) > 5
    for page in pages:
        text = page.read_text()
        assert page.suffix == ".csv" or "<img src=x" not in text, page
        assert "\x1b" not in text, page
        assert not [line for line in text.splitlines() if line.startswith("=1+1")], page


def test_devices_sockets_and_links_in_a_dataset(command, faces, tmp_path):
    shutil.copytree(faces, tmp_path / "odd")
    folder = tmp_path / "odd" / "train" / "happy"
    (folder / "zero.png").symlink_to("/dev/zero")
    (folder / "passwd.png").symlink_to("/etc/passwd")
    (folder / "lost.png").symlink_to("nowhere")
    (folder / "loop").symlink_to(tmp_path / "odd")
    os.mkfifo(folder / "pipe.png")
    (folder / "folder.png").mkdir()
    bound = socket.socket(socket.AF_UNIX)
    os.chdir(folder)
    bound.bind("sock.png")
    bound.close()
    os.chdir(tmp_path)
    code, printed, _ = command("data", "check", "dataset=folder", "dataset.root=odd", limit=60)
    harmless(tmp_path, code, printed, refused=False)
    assert code == 0, printed
    assert "37 samples" in printed  # the link to a file is one, and is no picture:
    assert "passwd.png" in printed
    assert "root:x:" not in printed


def test_a_decompression_bomb_is_unreadable_and_small(command, faces, tmp_path):
    shutil.copytree(faces, tmp_path / "odd")
    import zlib

    raw = zlib.compress(b"\0" * 10**7, 9)
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)

    def part(kind, content):
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    content = b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", raw) + part(b"IEND", b"")
    (tmp_path / "odd" / "train" / "happy" / "bomb.png").write_bytes(content)
    code, printed, _ = command("data", "check", "dataset=folder", "dataset.root=odd", limit=60)
    harmless(tmp_path, code, printed, refused=False)
    assert (code, "bomb.png" in printed or "unreadable" in printed) == (0, True), printed


@pytest.mark.parametrize(
    "rows",
    [
        "path,label\nimages/a.png,happy\n../outside.png,sad\n",
        "path,label\n/etc/passwd,happy\n",
        "path,label\n" + "x" * 5_000 + ",happy\n",
        "path,label\nimages/a.png," + "y" * 10**7 + "\n",
        "c," * 10**6 + "c\n",
    ],
)
def test_tables_that_reach_out_or_are_absurd(command, tmp_path, rows):
    (tmp_path / "t" / "images").mkdir(parents=True)
    for path in (tmp_path / "t" / "images" / "a.png", tmp_path / "outside.png"):
        Image.fromarray(np.full((48, 48), 120, np.uint8)).save(path)
    (tmp_path / "t" / "table.csv").write_text(rows)
    code, printed, _ = command("data", "check", "dataset=table", "dataset.root=t", limit=120)
    harmless(tmp_path, code, printed, refused=False)
    assert len(printed) < 5_000
    assert "root:x:" not in printed


def test_members_of_an_archive_that_lead_out(command, tmp_path):
    assert command("data", "fake", "dataset=afew", "out=afew")[0] == 0
    for path in (tmp_path / "afew").rglob("*.zip"):
        with zipfile.ZipFile(path, "a") as file:
            file.writestr(f"../../{MARK}/x.png", b"x")
    code, printed, _ = command("data", "check", "dataset=afew", "dataset.root=afew")
    harmless(tmp_path, code, printed, refused=False)


@pytest.mark.parametrize("name", ["../../out", "a/b", ".hidden", "a\nb", "/etc/x"])
def test_names_of_views_that_lead_out(command, run, tmp_path, name):
    path = run / "config.yaml"
    config = yaml.safe_load(path.read_text())
    config["tests"] = {name: {"views": ["test"]}}
    config["evaluate"] = [name]
    path.write_text(yaml.safe_dump(config))
    before = set(tmp_path.rglob("*"))
    code, printed, _ = command("train", "resume=run")
    harmless(tmp_path, code, printed)
    new = {p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p not in before}
    # the log is ours; the lock of the run and the prepared faces are where they belong
    assert {p.parts[0] for p in new} <= {"log.txt", "prepared", "run"}, new
    assert {p.name for p in new if p.parts[0] == "run"} <= {".lock"}, new
