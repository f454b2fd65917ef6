"""A linear warm-up before any schedule, one that watches a val metric included."""

from typing import Any

from torch.optim import Optimizer


class WarmedUp:
    """A schedule that begins after its rate has risen linearly, update by update.

    Update i of n runs at i / (n + 1) of the optimizer's rate; then the schedule begins as it would
    have from the first update. `rise` is called after every update, `step` as of the schedule.

    Args:
        after: Torch's scheduler; the rates that it has set are those to rise to.
        updates: Of the warm-up, n.
    """

    def __init__(self, optimizer: Optimizer, after: Any, updates: int) -> None:
        self.optimizer, self.after, self.updates = optimizer, after, updates
        self.full = [float(group["lr"]) for group in optimizer.param_groups]
        self.done = 0
        self._set()

    @property
    def rising(self) -> bool:
        """Whether the warm-up is not over yet."""
        return self.done < self.updates

    def rise(self) -> None:
        """Advance the warm-up by an update."""
        self.done += 1
        self._set()

    def step(self, *watched: float) -> None:
        """Advance the schedule, with the metric it watches."""
        self.after.step(*watched)

    def state_dict(self) -> dict[str, Any]:
        """Plain values and the schedule's own."""
        return {"warmed_up": self.done, "full": self.full, "after": self.after.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what `state_dict` gave; the optimizer brings its rates itself."""
        self.done, self.full = int(state["warmed_up"]), [float(rate) for rate in state["full"]]
        self.after.load_state_dict(state["after"])

    def _set(self) -> None:
        for group, rate in zip(self.optimizer.param_groups, self.full, strict=True):
            group["lr"] = rate * min(1.0, (self.done + 1) / (self.updates + 1))
