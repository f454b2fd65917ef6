"""A linear warm-up before every schedule, by direct computation, and gone on with in its middle."""

import io

import pytest
import torch
from torch import nn

from ferkit.training import optim
from ferkit.training.warmup import WarmedUp

STEPS, EPOCHS, LR = 4, 5, 0.8
FACTS = {"steps_per_epoch": STEPS, "warmup_epochs": 1.5}
WARMUP = [LR * (i + 1) / 7 for i in range(6)]
MADE = {
    "constant": lambda o: optim.constant(o, **FACTS),
    "plateau": lambda o: optim.plateau(o, factor=0.5, patience=0, **FACTS),
    "inverse_time": lambda o: optim.inverse_time(o, decay=0.1, **FACTS),
    "cosine": lambda o: optim.cosine(o, STEPS * EPOCHS, **FACTS),
    "step": lambda o: optim.step(o, every=2, factor=0.5, **FACTS),
    "warmup": lambda o: optim.warmup(
        o, {"_target_": "torch.optim.lr_scheduler.ExponentialLR", "gamma": 0.5}, **FACTS
    ),
    "one_cycle": lambda o: optim.one_cycle(o, STEPS * EPOCHS, **FACTS),
}


def make(name):
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=LR)
    return optimizer, MADE[name](optimizer)


def rates(optimizer, schedule, epochs=range(EPOCHS)):
    """The rate of every update; the watched loss never falls."""
    found = []
    for _ in epochs:
        for _ in range(STEPS):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.after_step()
        schedule.after_epoch({"val_loss": 1.0})
    return found


@pytest.mark.parametrize("name", [n for n in MADE if n != "one_cycle"])
def test_the_rate_rises_linearly(name):
    found = rates(*make(name))
    assert found[:7] == pytest.approx([*WARMUP, LR])


def test_after_it_a_schedule_does_what_it_would_have_done_from_the_start():
    assert rates(*make("constant"))[6:] == pytest.approx([LR] * 14)
    expected = [LR / (1 + 0.1 * i) for i in range(14)]
    assert rates(*make("inverse_time"))[6:] == pytest.approx(expected)
    assert rates(*make("warmup"))[6:] == pytest.approx(
        [LR, LR, *[LR / 2] * 4, *[LR / 4] * 4, *[LR / 8] * 4]
    )
    # the second epoch, in which it ends, is the first that is counted
    halves = [LR, LR, *[LR] * 4, *[LR / 2] * 4, *[LR / 4] * 4]
    assert rates(*make("plateau"))[6:] == pytest.approx(halves)


def test_one_cycle_rises_for_as_long():
    found = rates(*make("one_cycle"))
    assert found.index(max(found)) == pytest.approx(6, abs=1)
    assert max(found) == pytest.approx(LR, rel=0.05)


@pytest.mark.parametrize("name", MADE)
def test_it_goes_on_in_the_middle(name):
    whole = rates(*make(name))
    optimizer, schedule = make(name)
    begun = rates(optimizer, schedule, range(1))
    stream = io.BytesIO()
    torch.save([optimizer.state_dict(), schedule.scheduler.state_dict()], stream)
    stream.seek(0)
    states = torch.load(stream, weights_only=True)
    optimizer, schedule = make(name)
    optimizer.load_state_dict(states[0])
    schedule.scheduler.load_state_dict(states[1])
    assert begun + rates(optimizer, schedule, range(1, EPOCHS)) == whole


def test_a_warmup_is_there_only_where_it_is_asked_for():
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=LR)
    assert not isinstance(optim.plateau(optimizer).scheduler, WarmedUp)
