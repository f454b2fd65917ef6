"""The loop of a search on made-up trials: nothing is trained, every kill is acted."""

import csv
import json
import math
import re

import pytest
from optuna.trial import create_trial
from sqlalchemy import event
from sqlalchemy.engine import Engine

from ferkit.errors import ConfigError, FerkitError
from ferkit.runs.read import read_rows
from ferkit.sweeps.attempts import LOG, TrainProcess
from ferkit.sweeps.report import write_sweep
from ferkit.sweeps.search import LAUNCHES, Plan, search
from ferkit.sweeps.space import read_space
from ferkit.sweeps.study import (
    best_trial,
    interrupted,
    make_pruner,
    make_sampler,
    open_study,
    reopen_failed,
)

SPACE = read_space(
    ["seed=3", "loss=choice(focal,mse,ldam)", "optimizer.lr=tag(log,interval(1e-4,1e-1))"]
)
EPOCHS = 4


class Killed(BaseException):
    """The search itself is killed: nothing is tidied up."""


def figure(words, epoch):
    """A smooth metric of the parameters, so that samplers and pruners have something to find."""
    given = dict(word.split("=") for word in words)
    lr = math.log10(float(given["optimizer.lr"]))
    bonus = {"focal": 0.1, "mse": 0.0, "ldam": 0.05}[given["loss"]]
    return 0.5 + bonus - 0.1 * (lr + 2.5) ** 2 + 0.02 * epoch


class Made:
    """A process that trains one more epoch at every look; its epochs outlive it, as files do."""

    def __init__(self, world, number, words):
        self.world, self.number, self.words = world, number, words
        self.kept = world.epochs.setdefault(number, 0)
        self.stopped = False

    def poll(self):
        self.world.look()
        ending = self.world.endings.get(self.number, [])
        if ending and self.world.epochs[self.number] >= 1:
            return ending.pop(0)
        if self.world.epochs[self.number] < EPOCHS:
            self.world.epochs[self.number] += 1
            self.world.trained += 1
            return None
        return 0

    def rows(self):
        done = range(1, self.world.epochs[self.number] + 1)
        return [{"epoch": e, "val_accuracy": figure(self.words, e), "seconds": 1} for e in done]

    def stop(self):
        self.stopped = True

    def last_line(self):
        return f"RuntimeError: trial {self.number} fell over"


def going_on(world):
    world.kill_at = None
    return world


class World:
    """Folders and processes; `kill_at` is the look at which the search dies."""

    def __init__(self, kill_at=None, endings=None):
        self.epochs, self.launched, self.words = {}, [], {}
        self.endings, self.kill_at, self.looks, self.trained = endings or {}, kill_at, 0, 0
        self.attempts = []

    def look(self):
        self.looks += 1
        if self.looks == self.kill_at:
            raise Killed

    def launch(self, number, words, slot):
        assert self.words.setdefault(number, list(words)) == list(words)
        self.launched.append((number, slot))
        self.attempts.append(Made(self, number, words))
        return self.attempts[-1]


def run(folder, world, trials=12, seed=0, n_jobs=1, epochs=lambda _: EPOCHS, startup=3, **kinds):
    study = open_study(
        folder,
        "maximize",
        make_sampler(kinds.get("sampler", "tpe"), seed, startup),
        make_pruner(kinds.get("pruner", "median"), startup, 1),
    )
    search(study, SPACE, Plan(trials, "val_accuracy", epochs, n_jobs, 0), world.launch)
    return study


def results(study):
    return [
        (t.number, t.state.name, t.value, t.params, t.intermediate_values) for t in study.trials
    ]


@pytest.fixture(scope="module", autouse=True)
def quick_disk():
    """Without waiting for the disk at every write."""

    def relax(connection, _):
        connection.execute("PRAGMA synchronous=OFF")

    event.listen(Engine, "connect", relax)
    yield
    event.remove(Engine, "connect", relax)


@pytest.fixture(scope="module")
def unbroken(quick_disk, tmp_path_factory):
    world = World()
    study = run(tmp_path_factory.mktemp("unbroken"), world)
    return results(study), world


def test_a_search_has_as_many_results_as_asked_and_ends_the_hopeless(unbroken):
    found, _ = unbroken
    states = [state for _, state, *_ in found]
    assert len(found) == 12
    assert set(states) == {"COMPLETE", "PRUNED"}
    assert states[:3] == ["COMPLETE"] * 3  # startup
    ended = [row for row in found if row[1] == "PRUNED"]
    assert all(len(steps) < EPOCHS for *_, steps in ended)
    assert all(
        value == pytest.approx(max(steps.values()) + 0.02)
        for _, s, value, _, steps in found
        if s == "COMPLETE"
    )


@pytest.mark.parametrize("moments", [(1, 2), (9, 11), (16, 31)])
def test_killed_twice_at_any_look_it_ends_as_the_unbroken_one(tmp_path, unbroken, moments):
    world = World()
    for world.kill_at in moments:
        with pytest.raises(Killed):
            run(tmp_path, world)
    study = run(tmp_path, going_on(world))
    assert results(study) == unbroken[0]
    assert world.trained == unbroken[1].trained


def test_random_search_without_pruning_is_the_same_after_a_kill_too(tmp_path):
    kinds = {"sampler": "random", "pruner": "none", "trials": 4}
    (tmp_path / "killed").mkdir()
    whole = run(tmp_path, World(), **kinds)
    world = World(kill_at=7)
    with pytest.raises(Killed):
        run(tmp_path / "killed", world, **kinds)
    study = run(tmp_path / "killed", going_on(world), **kinds)
    assert results(study) == results(whole)
    assert {t.state.name for t in study.trials} == {"COMPLETE"}


def test_what_was_killed_is_taken_up_with_its_parameters_and_trains_no_epoch_twice(
    tmp_path, caplog
):
    world = World(kill_at=7)  # in the second trial
    caplog.set_level("INFO")
    with pytest.raises(Killed):
        run(tmp_path, world, trials=3)
    assert world.launched == [(0, 0), (1, 0)]
    study = run(tmp_path, going_on(world), trials=3)
    assert [n for n, _ in world.launched] == [0, 1, 1, 2]  # launch() asserts the same words
    assert world.trained == 3 * EPOCHS
    assert len(study.trials) == 3
    assert any("taken up again" in line for line in caplog.messages)


def test_killed_while_parameters_are_drawn_the_rest_comes_out_the_same(tmp_path, unbroken):
    whole, _ = unbroken
    study = run(tmp_path, World(), trials=7)
    trial = study.ask()
    trial.suggest_categorical("loss", SPACE.distributions["loss"].choices)  # and no more
    study = run(tmp_path, World(), trials=12)
    assert results(study) == whole


def test_same_seed_same_search_another_seed_another(tmp_path, unbroken):
    for name, seed in (("same", 0), ("other", 1)):
        (tmp_path / name).mkdir()
        study = run(tmp_path / name, World(), seed=seed, trials=5)
        assert (results(study) == unbroken[0][:5]) == (seed == 0)


def test_a_longer_search_begins_as_the_shorter_one(tmp_path, unbroken):
    run(tmp_path, World(), trials=5)
    study = run(tmp_path, World(), trials=12)
    assert results(study) == unbroken[0]


def test_trials_are_counted_as_they_end(tmp_path, caplog):
    caplog.set_level("INFO", logger="ferkit")
    run(tmp_path, World(), trials=3)
    counts = [m for m in caplog.messages if " trials" in m]
    assert [m.split(",")[0] for m in counts] == [f"{n} of 3 trials" for n in (1, 2, 3)]
    assert counts[0].endswith(" left")


def test_a_crash_is_a_result_and_stops_nothing(tmp_path, caplog):
    world = World(endings={1: [1], 2: [3]})
    study = run(tmp_path, world, trials=6)
    states = [t.state.name for t in study.trials]
    assert len(states) == 6
    assert [i for i, s in enumerate(states) if s == "FAIL"] == [1, 2]
    assert study.trials[1].user_attrs["last_line"] == "RuntimeError: trial 1 fell over"
    assert any("fell over" in line for line in caplog.messages)
    write_sweep(study, SPACE, "val_accuracy", tmp_path)
    rows = list(csv.DictReader((tmp_path / "trials.csv").open()))
    assert len(rows) == 6
    assert rows[-1]["State"] == "failed"
    assert "fell over" in rows[-1]["Last line"]


def test_failed_trials_can_be_tried_again_under_their_own_numbers(tmp_path):
    world = World(endings={1: [1]})
    study = run(tmp_path, world, trials=4)
    before = results(study)
    assert reopen_failed(tmp_path) == 1
    study = run(tmp_path, world, trials=4)
    assert [t.state.name == "FAIL" for t in study.trials] == [False] * 4
    assert study.trials[1].params == before[1][3]
    assert results(study)[0] == before[0]
    assert results(study)[2:] == before[2:]


def test_a_trial_ended_by_a_signal_is_taken_up_again_but_not_for_ever(tmp_path):
    world = World(endings={0: [-9], 1: [-9] * LAUNCHES})
    study = run(tmp_path, world, trials=3)
    assert [t.state.name for t in study.trials] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert [n for n, _ in world.launched] == [0, 0, 1, 1, 1, 2]


def test_words_that_a_trial_cannot_be_trained_with_fail_it_alone(tmp_path):
    def epochs(words):
        if "loss=mse" in words:
            raise ConfigError("loss=mse is not for this.")
        return EPOCHS

    study = run(tmp_path, World(), epochs=epochs, sampler="random", trials=9)
    assert {t.params["loss"] for t in study.trials if t.state.name == "FAIL"} == {"mse"}
    assert len(study.trials) == 9


def test_a_mistake_of_all_the_first_trials_is_said_once(tmp_path):
    def epochs(_):
        raise ConfigError("no such thing.")

    with pytest.raises(FerkitError, match="no such thing") as raised:
        run(tmp_path, World(), epochs=epochs)
    assert raised.value.exit_code == 2


def test_trials_side_by_side_have_slots_of_their_own(tmp_path):
    world = World()
    study = run(tmp_path, world, trials=7, n_jobs=3)
    assert len(study.trials) == 7
    assert {slot for _, slot in world.launched} == {0, 1, 2}
    world = World(kill_at=8)
    (tmp_path / "killed").mkdir()
    with pytest.raises(Killed):
        run(tmp_path / "killed", world, trials=7, n_jobs=3)
    assert all(a.stopped for a in world.attempts)
    study = run(tmp_path / "killed", going_on(world), trials=7, n_jobs=3)
    assert len(study.trials) == 7
    assert interrupted(study) == []


def test_a_metric_that_is_never_a_number_is_a_failure(tmp_path):
    world = World()
    launch = world.launch

    def broken(number, words, slot):
        attempt = launch(number, words, slot)
        if number == 0:
            attempt.rows = lambda: [{"epoch": EPOCHS, "val_accuracy": float("nan")}]
        return attempt

    world.launch = broken
    study = run(tmp_path, world, trials=2)
    assert study.trials[0].state.name == "FAIL"
    assert "never a number" in study.trials[0].user_attrs["last_line"]


def test_report_says_what_it_was_chosen_on_and_what_to_type(tmp_path, unbroken):
    study = run(tmp_path, World())
    command = write_sweep(study, SPACE, "val_accuracy", tmp_path)
    best = best_trial(study)
    assert best.value == max(value for _, state, value, *_ in unbroken[0] if state == "COMPLETE")
    assert command.startswith("ferkit train seed=3 loss=")
    assert f"optimizer.lr={best.params['optimizer.lr']!r}" in command
    page = (tmp_path / "report.html").read_text()
    assert "val alone" in page
    assert command in page.replace("&#39;", "'").replace("<wbr>", "")
    assert len(list(csv.DictReader((tmp_path / "trials.csv").open()))) == 12
    for name in ("history.png", "slices.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_smallest_is_best_where_the_metric_is_a_loss(tmp_path):
    study = open_study(
        tmp_path, "minimize", make_sampler("random", 0, 3), make_pruner("none", 3, 1)
    )
    world = World()
    plan = Plan(4, "val_accuracy", lambda _: EPOCHS, 1, 0)
    search(study, SPACE, plan, world.launch)
    values = [t.value for t in study.trials]
    assert best_trial(study).value == min(values)
    assert all(
        t.value == min(r["val_accuracy"] for r in world.attempts[t.number].rows())
        for t in study.trials
    )


def write_rows(folder, study):
    for trial in study.trials:
        run = folder / "trials" / str(trial.number)
        run.mkdir(parents=True)
        done = trial.last_step if trial.state.name == "PRUNED" else EPOCHS
        lines = [json.dumps({"epoch": e + 1, "seconds": 90}) + "\n" for e in range(done)]
        (run / "metrics.jsonl").write_text("".join(lines))
    return sum(90 * len(read_rows(folder / "trials" / str(t.number))) / 60 for t in study.trials)


def test_the_summary_has_minutes_epochs_of_the_ended_and_ties(tmp_path):
    study = run(tmp_path, World(), trials=12)
    ended = [t for t in study.trials if t.state.name == "PRUNED"]
    assert ended
    minutes = write_rows(tmp_path, study)
    write_sweep(study, SPACE, "val_accuracy", tmp_path)
    page = (tmp_path / "report.md").read_text()
    assert f"Training took {minutes:.1f} minutes in all" in page
    for trial in ended:
        assert f"{trial.last_step} (trial {trial.number})" in page
    assert "Of trials that are equal the earliest is taken for the best; here none" in page
    best = best_trial(study)
    study.add_trial(
        create_trial(value=best.value, params=best.params, distributions=best.distributions)
    )
    write_sweep(study, SPACE, "val_accuracy", tmp_path)
    page = (tmp_path / "report.md").read_text()
    assert f"A tie for the best: trial {best.number} and trial 12." in page
    assert not re.findall(r"!\[.*_.*\]", page)


class Ended:
    def poll(self):
        return 0


def test_a_warning_of_all_trials_is_logged_once(tmp_path, caplog):
    warned = set()
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        log = tmp_path / str(number) / LOG
        log.write_text(f"run: {number}\nwarning: Leak: {number + 4} val images\nwarning: half")
        process = TrainProcess(tmp_path / str(number), Ended(), warned)
        assert process.poll() == 0
        with log.open("a") as file:
            file.write(" a line\n")
        process.poll()
    assert caplog.messages == ["Leak: 4 val images", "half a line"]
