"""The words of a search."""

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from ferkit.errors import ConfigError
from ferkit.sweeps.space import own_words, read_space


def only(word):
    (found,) = read_space([word]).distributions.values()
    return found


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("optimizer.lr=interval(0.1,0.2)", FloatDistribution(0.1, 0.2)),
        ("optimizer.lr=tag(log,interval(1e-4,1e-2))", FloatDistribution(1e-4, 1e-2, log=True)),
        ("trainer.batch_size=int(interval(8,64))", IntDistribution(8, 64)),
        ("trainer.batch_size=tag(log,int(interval(8,64)))", IntDistribution(8, 64, log=True)),
        ("trainer.batch_size=range(16,65,16)", IntDistribution(16, 64, step=16)),
        ("augment.zoom=range(0.0,0.5,0.2)", FloatDistribution(0.0, 0.4, step=0.2)),
        ("loss=choice(focal,mse)", CategoricalDistribution(["focal", "mse"])),
        ("loss=focal,mse", CategoricalDistribution(["focal", "mse"])),
        (
            "emotions=choice([sad,fear],[sad,happy])",
            CategoricalDistribution(["[sad,fear]", "[sad,happy]"]),
        ),
        (
            "imbalance=glob(*weight*)",
            CategoricalDistribution(["class_weights", "weighted_sampler"]),
        ),
    ],
)
def test_hydras_sweep_words_become_distributions(word, expected):
    assert only(word) == expected


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["seed=3"], "Nothing is searched"),
        (["optimizer.lr=interval(2,1)"], "optimizer.lr"),
        (["trainer.batch_size=range(5,5)"], "empty"),
        (["loss=glob(nothing*)"], "nothing matches"),
        (["loss=focal,mse", "loss=choice(mse,focal)"], "twice"),
        (["loss=focal,mse", "run_dir=here"], "out=DIR"),
        (["loss=focal,mse", "evaluate=[test]"], "val alone"),
    ],
)
def test_what_no_search_can_be_is_said(words, said):
    with pytest.raises(ConfigError, match=said):
        read_space(words)


def test_words_of_a_trial_are_those_typed_with_values_for_what_is_searched():
    space = read_space(
        ["seed=3", "loss=choice(focal,mse)", "++optimizer.lr=interval(0.1,0.2)", "emotions=[sad]"]
    )
    words = space.words({"optimizer.lr": 0.125, "loss": "mse"})
    assert words == ["seed=3", "emotions=[sad]", "loss=mse", "++optimizer.lr=0.125"]


def test_the_order_of_words_does_not_matter():
    words = ["loss=focal,mse", "optimizer.lr=interval(0.1,0.2)"]
    one, other = read_space(words), read_space(words[::-1])
    assert list(one.distributions.items()) == list(other.distributions.items())


def test_examples_name_every_choice():
    tried = read_space(["loss=focal,mse,ldam", "optimizer=sgd,adam", "seed=1"]).examples()
    assert len(tried) == 4
    assert {w for words in tried for w in words} == {
        "seed=1",
        "loss=focal",
        "loss=mse",
        "loss=ldam",
        "optimizer=sgd",
        "optimizer=adam",
    }


def test_own_keys_are_told_from_those_of_train():
    own, rest = own_words(["trials=3", "seed=1", "out=x", "trainer.max_epochs=2"])
    assert (own, rest) == (["trials=3", "out=x"], ["seed=1", "trainer.max_epochs=2"])
