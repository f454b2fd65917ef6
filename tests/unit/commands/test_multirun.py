"""A grid counts its runs."""

from ferkit.commands.multirun import swept_keys


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
