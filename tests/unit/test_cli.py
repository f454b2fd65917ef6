import errno
import os
import signal
import subprocess
import sys

import pytest

from ferkit.composition import compose
from ferkit.errors import ConfigError
from ferkit.tree import choices, list_groups


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trian"], "Did you mean 'train'"),
        (["train", "sed=3"], "Did you mean 'seed'"),
        (["train", "optimzer.lr=3"], "Did you mean 'optimizer'"),
        (["train", "optimizer.lrr=5"], "Did you mean 'optimizer.lr'"),
        (["train", "dataset=fer203"], "Did you mean 'fer2013'"),
        (["train", "loss=focl"], "Did you mean 'focal'"),
        (["train", "imbalance=null"], "Unknown imbalance 'null'"),
        (["train", "debug=true"], "Known: default, trace"),
        (["train", "-m", "split=1"], "Unknown split '1'"),
        (["train", "dataset=[drawn,2]"], "Unknown dataset '2'"),
        (["train", "optimizer.lr=${nope}"], "nope"),
        (["train", "emotions=[happines]"], "Did you mean 'happy'"),
        (["train", "evaluate=[tset]"], "Did you mean 'test'"),
        (["train", "trainer.monitor=val_acuracy"], "Did you mean 'val_accuracy'"),
        (["train", "trainer.batch_size=0"], "at least 1"),
        (["train", "seed"], "key=value"),
        (["train", "--frob"], "option"),
        (["train", "optimizer._target_=subprocess.run"], "refused"),
        (["train", "trainer.device=gpu0"], "device"),
        (["data", "chek"], "Did you mean 'check'"),
        (["list", "datset"], "Did you mean 'dataset'"),
        (["list", "loss", "focl*"], "focal"),
        (["train", "--config-dir", "nowhere"], "no such folder"),
    ],
)
def test_mistakes_are_answered_with_the_nearest_word(ferkit, tmp_path, words, said):
    code, _, err = ferkit(*words)
    assert code == 2
    assert said in err
    assert "Traceback" not in err
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "a/b"), "a/b cannot be written"),
        (OSError(errno.EROFS, "Read-only file system", "a"), "a: Read-only file system"),
        (OSError("12 requested and 0 written"), "12 requested and 0 written"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "e" * 300), "File name too long"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "not enough memory"),
        (RecursionError(), "nested too deeply"),
    ],
)
def test_what_the_machine_refuses_is_a_sentence(ferkit, monkeypatch, error, said):
    def fail(words):
        raise error

    monkeypatch.setattr("ferkit.commands.list.main", fail)
    code, _, err = ferkit("list")
    assert code == 3
    assert said in err
    assert len(err) < 300
    assert err.count("\n") == 1


def test_a_fault_of_ours_is_no_sentence(ferkit, monkeypatch):
    def fail(words):
        raise KeyError("counts")

    monkeypatch.setattr("ferkit.commands.list.main", fail)
    with pytest.raises(KeyError):
        ferkit("list")


def test_sigterm_ends_any_command(ferkit, monkeypatch):
    def fail(words):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("ferkit.commands.list.main", fail)
    before = signal.getsignal(signal.SIGTERM)
    assert ferkit("list")[0] == 143
    assert signal.getsignal(signal.SIGTERM) is before


def test_arguments_that_are_no_text_are_a_sentence(ferkit):
    code, _, err = ferkit("train", "run_dir=d\udcc3")
    assert code == 2
    assert "UTF-8" in err


@pytest.mark.parametrize("name", ["dé_ü", "a~b", "a#1", "日本", "a;b"])
def test_paths_of_any_letters_need_no_quotes(name):
    assert compose(f"run_dir={name}").run_dir == name


@pytest.mark.parametrize("command", ["train", "eval", "predict", "data check"])
def test_every_command_shows_tracebacks_when_asked(ferkit, command):
    code, _, err = ferkit(*command.split(), "sed=3", "debug=trace")
    assert code == 2
    assert "Traceback" in err
    assert "Unknown key 'sed'" in err


def test_wrong_key_in_an_experiment_yaml(ferkit, tmp_path):
    folder = tmp_path / "ferkit_configs" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# @package _global_\nsede: 3\n")
    (folder / "deep.yaml").write_text("# @package _global_\noptimizer: {lrr: 3}\n")
    for name, said in [("mine", "Did you mean 'seed'"), ("deep", "optimizer.lr")]:
        code, _, err = ferkit("train", f"experiment={name}")
        assert code == 2
        assert said in err


def test_own_tree_is_found_and_wins_nothing_else(tmp_path, monkeypatch):
    folder = tmp_path / "tree" / "experiment"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("# @package _global_\nseed: 41\noptimizer: {lr: 0.5}\n")
    monkeypatch.chdir(tmp_path)
    config = compose("--config-dir", "tree", "experiment=mine")
    assert config.seed == 41
    assert config.optimizer.lr == 0.5


def test_help_needs_neither_torch_nor_hydra():
    code = (
        "import sys; from ferkit.cli import main; main(['--help']);"
        "sys.exit(any(m in sys.modules for m in ('torch', 'hydra', 'pandas')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_of_a_command_names_keys_and_choices(ferkit):
    code, out, _ = ferkit("train", "--help")
    assert code == 0
    assert "run_dir" in out
    assert "mini_xception" in out


def test_list_says_what_each_choice_is(ferkit):
    code, out, _ = ferkit("list", "loss")
    assert code == 0
    assert all(name in out for name in ("cross_entropy", "focal"))
    assert all(len(line.split(maxsplit=1)) == 2 for line in out.strip().splitlines())


def every_choice():
    return [(g, c) for g in list_groups() if g != "debug" for c in choices(g)]


@pytest.mark.parametrize(("group", "choice"), every_choice())
def test_every_yaml_composes_and_is_checked(group, choice):
    command = "predict" if group == "predict" else "train"
    compose(f"{group}={choice}", command=command)


def test_debug_makes_any_run_small():
    config = compose("debug=default")
    assert (config.trainer.max_epochs, config.trainer.max_images) == (1, 64)


def test_unknown_node_is_refused_in_python_too():
    with pytest.raises(ConfigError, match="refused"):
        compose("loss._target_=os.system")
