"""What the shells are answered, and bash itself."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ferkit.commands.completion import SHELLS, complete


def words_of(*typed):
    return [word for word, _ in complete(typed)]


@pytest.mark.parametrize(
    ("typed", "some"),
    [
        ([""], {"train", "eval", "--help"}),
        (["tr"], {"train"}),
        (["train", "data"], {"dataset=", "data_root=", "dataset."}),
        (["train", "dataset=fer"], {"dataset=fer2013", "dataset=ferplus"}),
        (["train", "trainer.max_"], {"trainer.max_epochs=", "trainer.max_images="}),
        (["train", "trainer.precision="], {"trainer.precision=bf16"}),
        (["train", "trainer.device=c"], {"trainer.device=cpu", "trainer.device=cuda"}),
        (["train", "trainer.monitor=val_m"], {"trainer.monitor=val_macro_f1"}),
        (["train", "trainer.compile="], {"trainer.compile=true", "trainer.compile=false"}),
        (["train", "loss=focal", "loss.g"], {"loss.gamma="}),
        (["train", "-m", "loss=focal,cr"], {"loss=focal,cross_entropy"}),
        (["train", "experiment=fer2013/mini"], {"experiment=fer2013/mini_xception"}),
        (["train", "--"], {"--cfg", "--dry-run", "--config-dir"}),
        (["train", "--cfg", ""], {"job"}),
        (["eval", "report.s"], {"report.saliency="}),
        (["eval", "tta=f"], {"tta=flip", "tta=five_crop"}),
        (["sweep", "tr"], {"trials=", "trainer="}),
        (["data", "ch"], {"check"}),
        (["data", "check", "dataset=mu"], {"dataset=mug"}),
        (["list", "lo"], {"loss", "logger"}),
        (["list", "loss", "fo"], {"focal"}),
        (["completion", ""], set(SHELLS)),
    ],
)
def test_words_that_may_follow(typed, some):
    found = words_of(*typed)
    assert some <= set(found)
    assert all(word.startswith(typed[-1]) for word in found)


UNKNOWN = [["nothing", "x"], ["train", "loss.nope="], ["list", "x", ""]]


@pytest.mark.parametrize("typed", UNKNOWN)
def test_what_is_not_known_completes_to_nothing(typed):
    assert words_of(*typed) == []


def test_paths_are_completed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("outputs/train").mkdir(parents=True)
    Path("photo.jpg").touch()
    assert words_of("eval", "run=o") == ["run=outputs/"]
    assert words_of("eval", "run=outputs/t") == ["run=outputs/train/"]
    assert words_of("predict", "source=p") == ["source=photo.jpg"]


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_are_what_the_shell_reads(ferkit, shell):
    code, out, _ = ferkit("completion", shell)
    assert code == 0
    if path := shutil.which(shell):
        asked = [path, "--no-execute"] if shell == "fish" else [path, "-n"]
        assert subprocess.run(asked, input=out, text=True, check=False).returncode == 0
    assert ferkit("completion", "csh")[0] == 2


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_bash_replaces_what_follows_the_equals_sign(ferkit, tmp_path):
    program = tmp_path / "ferkit"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ferkit "$@"\n')
    program.chmod(0o755)
    _, script, _ = ferkit("completion", "bash")
    typed = f"{program} train dataset=fer2"
    asked = (
        f"{script}\nCOMP_LINE='{typed}'; COMP_POINT=${{#COMP_LINE}}; _ferkit; "
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["fer2013"], done.stderr
