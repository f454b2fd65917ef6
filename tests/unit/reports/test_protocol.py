"""What a report says of the choice of the epoch."""

from dataclasses import replace

import pandas as pd
import pytest

from ferkit.reports.protocol import describe_protocol
from ferkit.runs.record import read_run


@pytest.mark.parametrize(("losses", "longer"), [([3, 2, 1], True), ([3, 1, 2], False)])
def test_a_run_whose_best_epoch_is_its_last_may_gain_by_more(trained, losses, longer):
    record = read_run(
        trained("debug=default", "dataset.train=100", "dataset.val=70", "dataset.test=70")
    )
    rows = {"epoch": [1, 2, 3], "val_loss": losses, "val_accuracy": [1 / n for n in losses]}
    words = dict(describe_protocol(replace(record, epochs=pd.DataFrame(rows)), {}))
    assert any("trainer.max_epochs=6" in text for text in words.values()) == longer
