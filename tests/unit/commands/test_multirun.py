"""A grid counts its runs."""

from ferkit.commands.multirun import swept_keys
from ferkit.log import log


def test_keys_with_several_values_and_how_many():
    words = ["seed=range(4)", "loss=focal,mse", "++optimizer.lr=1e-3", "evaluate=[val,test]"]
    assert swept_keys(words) == {"seed": 4, "loss": 2}


def test_every_run_of_a_grid_is_numbered(ferkit, monkeypatch):
    monkeypatch.setattr("ferkit.commands.multirun._train", lambda *_: 0)
    code, _, err = ferkit("train", "-m", "seed=0,1", "optimizer.lr=1e-3,1e-2", "run_dir=r")
    assert code == 0
    said = [line for line in err.splitlines() if line.startswith("--- ")]
    assert said[0] == "--- run 1 of 4: seed=0 optimizer.lr=0.001"
    assert said[3].startswith("--- run 4 of 4, ")
    assert said[3].endswith(" left: seed=1 optimizer.lr=0.01")


def test_a_warning_of_all_runs_is_logged_once(ferkit, monkeypatch):
    def train(config, words, number):
        log.warning(f"Leak: {7 + number} val images are identical to an image in train")
        log.warning(f"Leak: {7 + number} val images are identical to an image in train")
        if number == 2:
            log.warning("only here")
        return 0

    monkeypatch.setattr("ferkit.commands.multirun._train", train)
    code, _, err = ferkit("train", "-m", "seed=0,1,2", "run_dir=r")
    assert code == 0
    assert err.count("Leak: 7") == 2  # a run by itself is not cut short
    assert "Leak: 8" not in err and "Leak: 9" not in err
    assert "4 warnings as above were not repeated" in err
    assert "only here" in err
    err = ferkit("train", "-m", "seed=0,1,2", "run_dir=r")[2]
    assert "Leak: 7" in err  # another grid says it again
    log.warning("Leak: 7 val images")
    assert not log.filters


def test_a_grid_shows_words_as_they_are_typed(ferkit, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("ferkit.commands.multirun._train", lambda c, words, n: seen.append(words))
    words = ["++optimizer.lr=0.1,0.2", "+trainer.max_epochs=1", "run_dir=r"]
    code, _, err = ferkit("train", "-m", *words)
    assert code == 0, err
    assert seen[1] == ["optimizer.lr=0.2", "trainer.max_epochs=1", "run_dir=r"]
    assert "+" not in err
    assert not (tmp_path / "r" / "multirun.yaml").exists()
