"""A shared study without its server: SQLite in its place, and nobody else at work."""

import csv
from contextlib import nullcontext

import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy import text

from ferkit.errors import ConfigError, DataError
from ferkit.sweeps import shared as module
from ferkit.sweeps.report import write_sweep
from ferkit.sweeps.search import Plan, search
from ferkit.sweeps.shared import (
    LOST,
    Shared,
    connect,
    frozen,
    give_back,
    give_sign,
    join_study,
    queue_failed,
    take,
)
from ferkit.sweeps.space import read_space
from ferkit.sweeps.study import draw, first_number, make_pruner, make_sampler, results

SPACE = read_space(["optimizer.lr=interval(0.1,0.2)"])
ASKED = {"monitor": "val_accuracy", "words": ["optimizer.lr=interval(0.1,0.2)", "seed=1"]}


@pytest.fixture
def shared(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_alone", lambda _: nullcontext())  # SQLite has no such lock
    with module._quiet():
        storage = optuna.storages.RDBStorage(
            f"sqlite:///{tmp_path / 'study.db'}",
            heartbeat_interval=1,
            grace_period=6,
            heartbeat_stale_trial_callback=module._after_stale,
        )
    return Shared(storage, 6, tmp_path / "trials")


def join(shared, name="s", **asked):
    sampler, pruner = make_sampler("random", 0, 1), make_pruner("none", 1, 1)
    return join_study(shared, name, ASKED | asked, "maximize", sampler, pruner)


def lose_all(shared):
    """Let the last sign of life of every trial be long ago."""
    with shared.storage.engine.begin() as connection:
        connection.execute(text("UPDATE trial_heartbeats SET heartbeat = '2001-01-01 00:00:00'"))
    shared.due = 0


def states(study):
    return [t.state.name for t in results(study)]


def test_workers_take_as_many_trials_as_asked(shared):
    study = join(shared)
    taken = [take(study, shared, 3) for _ in range(4)]
    assert [t.number if t else None for t in taken] == [0, 1, 2, None]
    assert take(join(shared), shared, 4).number == 3  # a worker that asks for more


def test_a_trial_of_a_lost_worker_is_queued_again_with_its_parameters(shared):
    study = join(shared)
    first = take(study, shared, 1)
    drawn = draw(first, SPACE.distributions)
    assert take(study, shared, 1) is None
    lose_all(shared)
    second = take(study, shared, 1)
    assert second.number == 1
    assert draw(second, SPACE.distributions) == drawn
    assert first_number(frozen(second)) == 0
    assert frozen(second).user_attrs["run"] == str(shared.home / "0")
    assert states(study) == ["RUNNING"]
    assert [t.state for t in study.trials] == [TrialState.FAIL, TrialState.RUNNING]


def test_signs_keep_a_trial(shared):
    study = join(shared)
    trial = take(study, shared, 1)
    lose_all(shared)
    give_sign(study, shared, [trial])
    assert states(study) == ["RUNNING"]
    assert take(study, shared, 1) is None


def test_a_trial_that_loses_every_worker_fails(shared):
    study = join(shared)
    for _ in range(LOST):
        assert take(study, shared, 1)
        lose_all(shared)
    assert take(study, shared, 1) is None
    assert states(study) == ["FAIL"]
    assert queue_failed(study, shared) == 1
    assert states(study) == ["WAITING"]


def test_a_trial_is_given_back_as_often_as_need_be(shared):
    study = join(shared)
    for _ in range(LOST + 1):
        give_back(study, shared, [take(study, shared, 1)])
    take(study, shared, 1)
    lose_all(shared)
    assert take(study, shared, 1) is not None
    assert states(study) == ["RUNNING"]


def test_what_another_took_over_is_not_given_back(shared):
    study = join(shared)
    first = take(study, shared, 1)
    lose_all(shared)
    second = take(study, shared, 1)
    give_back(study, shared, [first])
    assert states(study) == ["RUNNING"]
    study.tell(second, 0.5)
    give_back(study, shared, [second])
    assert states(study) == ["COMPLETE"]


def test_other_words_do_not_join(shared):
    join(shared)
    join(shared)
    with pytest.raises(ConfigError, match=r"words=\['seed=1'\], now it is \['seed=2'\]"):
        join(shared, words=["optimizer.lr=interval(0.1,0.2)", "seed=2"])
    with pytest.raises(ConfigError, match="monitor=val_accuracy, now it is val_loss"):
        join(shared, monitor="val_loss")
    with module._quiet():
        optuna.create_study(study_name="foreign", storage=shared.storage).ask()
    with pytest.raises(ConfigError, match="another study_name"):
        join(shared, "foreign")


class Made:
    """A process that trained one epoch and is done, unless `before` happens first."""

    def __init__(self, before):
        self.before, self.stopped = before, False

    def poll(self):
        self.before()
        return 0

    def rows(self):
        return [{"epoch": 1, "val_accuracy": 0.5, "seconds": 60}]

    def stop(self):
        self.stopped = True

    def last_line(self):
        return ""


def run(study, shared, trials, before=lambda: None):
    made = []

    def launch(number, words, slot):
        made.append((number, Made(before)))
        return made[-1][1]

    search(study, SPACE, Plan(trials, "val_accuracy", lambda _: 1, 1, 0, shared), launch)
    return made


def test_a_worker_that_slept_leaves_its_trial_to_who_has_it(shared):
    study, others = join(shared), []

    def sleep():
        if not others:
            lose_all(shared)
            others.append(take(join(shared), shared, 1))
            others[0].study.tell(others[0], 0.25)

    made = run(study, shared, 1, sleep)
    assert [t.value for t in results(study)] == [0.25]
    assert made[0][1].stopped


def test_the_report_of_a_worker_has_trials_of_other_machines(shared, tmp_path):
    study = join(shared)
    other = take(study, shared, 1)
    draw(other, SPACE.distributions)
    for key, value in {
        "machine": "far",
        "run": "/far/trials/0",
        "epochs": 7,
        "seconds": 90,
    }.items():
        other.set_user_attr(key, value)
    study.tell(other, 0.9)
    run(study, shared, 2)
    running = take(study, shared, 3)
    write_sweep(study, SPACE, "val_accuracy", tmp_path)
    rows = list(csv.DictReader((tmp_path / "trials.csv").open()))
    assert [row["Run"] for row in rows[:2]] == ["/far/trials/0", str(shared.home / "1")]
    assert [row["Epochs"] for row in rows[:2]] == ["7", "1"]
    assert [row["Minutes"] for row in rows[:2]] == ["1.5", "1.0"]
    assert rows[2]["State"] == "running, of another worker"
    assert running.number == 2
    page = (tmp_path / "report.md").read_text()
    assert "on far: ferkit eval run=/far/trials/0 view=test" in page


def test_a_server_that_is_absent_is_a_sentence(tmp_path):
    pytest.importorskip("psycopg")
    with pytest.raises(DataError, match=r"127.0.0.1:1/d: .*Connection refused.*Start the server"):
        connect("postgresql://u@127.0.0.1:1/d", 60, tmp_path)
