"""The model card of a packaged model, made from its metrics.json alone.

python scripts/model_card.py src/ferkit/models/eca_resnet/metrics.json > docs/model_card.md
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ferkit.packaged import DEFAULT

OVERALL = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "ece": "calibration error (ECE)",
}


def card_text(found: Mapping[str, Any]) -> str:
    """The card in Markdown."""
    parts = (_head, _data, _metrics, _calibration, _photographs, _groups, _use)
    return "\n\n".join(part(found) for part in parts) + "\n"


def _head(found: Mapping[str, Any]) -> str:
    training, name = found["training"], found["name"]
    size, speed = f"{found['bytes'] / 1e6:.1f} MB", f"{found['ms_per_face']} ms a face"
    torch = (training["versions"] or {}).get("torch")
    words = "" if name == DEFAULT else f" model={name}"
    used = "when no `model=` is given" if name == DEFAULT else "by its name"
    return f"""# Model card: {name}

{found["what"]}; {size}, {speed} on one thread of a CPU.
Written by `python scripts/ship_model.py RUN`; every number here stands in the package's
`models/{name}/metrics.json` beside the sha256 of the weights and of the predictions.

`ferkit predict source=PHOTO out=DIR{words}` uses it {used}. It was trained by

    {training["command"]}

in {training["minutes"]} minutes of epochs on {training["threads"]} CPU threads (seed
{training["seed"]}, torch {torch}); of {training["epochs"]} epochs the best on val is kept,
number {training["best_epoch"]}."""


def _data(found: Mapping[str, Any]) -> str:
    data, classes = found["data"], found["emotions"]
    counts, split = data["counts"], data.get("split") or {}
    rows = "\n".join(
        f"| {view} | " + " | ".join(f"{counts[view].get(e, 0):,}" for e in classes) + " |"
        for view in ("train", "val", "test")
        if view in counts
    )
    notes = "; ".join(split.get("notes") or [])
    accesses = len(found["test_accesses"])
    return f"""## Data and protocol

{(data.get("dataset") or {}).get("name")}, {split.get("protocol")}. {notes}

| images | {" | ".join(classes)} |
|---|{"---|" * len(classes)}
{rows}

Epoch, class balance and temperature were chosen on val. Accesses to test: {accesses}."""


def _metrics(found: Mapping[str, Any]) -> str:
    views = found["views"]
    lines = [f"| 95% intervals | {' | '.join(views)} |", "|---|" + "---|" * len(views)]
    for key, words in OVERALL.items():
        cells = [_cell(views[view], key) for view in views]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    for emotion in found["emotions"]:
        cells = [_class_cell(views[view], emotion) for view in views]
        lines.append(f"| {emotion}: recall, precision | {' | '.join(cells)} |")
    return "## Metrics\n\n" + "\n".join(lines)


def _cell(metrics: Mapping[str, Any], key: str) -> str:
    interval = (metrics.get("intervals") or {}).get(key)
    between = f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""
    return f"{metrics[key]:.3f}{between}"


def _class_cell(metrics: Mapping[str, Any], emotion: str) -> str:
    own = metrics["per_class"].get(emotion)
    if not own:
        return ""
    intervals = ((metrics.get("intervals") or {}).get("per_class") or {}).get(emotion) or {}
    between = intervals.get("recall")
    shown = f" [{between[0]:.2f}, {between[1]:.2f}]" if between else ""
    return f"{own['recall']:.2f}{shown}, {own['precision']:.2f} (n={own['support']})"


def _calibration(found: Mapping[str, Any]) -> str:
    own = found["calibration"]
    before, after = own["ece_before"], own["ece_after"]
    keys = ("accuracy", "balanced_accuracy", "macro_f1")
    rows = "\n".join(
        f"| {row['tau']:.1f} | " + " | ".join(f"{row[key]:.3f}" for key in keys) + " |"
        for row in own["by_tau"]
    )
    return f"""## Class balance and calibration

Folded into the last layer, both chosen on val: scores less {own["tau"]:.1f} times the log of the
training class shares (logit adjustment, by the mean of macro F1 and balanced accuracy), divided by
a temperature of {own["temperature"]:.3f} (calibration error on val {before:.3f} to {after:.3f}).

| adjustment, on val | accuracy | balanced accuracy | macro F1 |
|---|---|---|---|
{rows}"""


def _photographs(found: Mapping[str, Any]) -> str:
    faces = found["faces"]
    return f"""## Photographs

The model carries a `faces` node: detector `{faces["detector"]}`, margin {faces["margin"]}. With it
the crop of a detected face is as wide as FER-2013's own crops are around the faces that the
detector finds in them. For ready-made crops give `faces=none`."""


def _groups(_: Mapping[str, Any]) -> str:
    return """## Groups and other data

Not tested: no licensed set with age, sex or skin tone was at hand. With KDEF or EMOTIC at hand:

    ferkit eval run=RUN dataset=kdef dataset.root=DIR
    ferkit eval run=RUN dataset=emotic dataset.root=DIR

FER-2013's labels are noisy: they were made by a search engine's words and few people. A face shows
an expression, not what somebody feels."""


def _use(found: Mapping[str, Any]) -> str:
    terms = found["terms"]
    return f"""## Terms and use

{terms[0].upper()}{terms[1:]}.
The MIT licence covers the code alone.

Not for decisions about people: hiring, teaching, policing, health, credit, or watching people at
work or in schools. Not for children's faces, of which the data hold unknown numbers."""


if __name__ == "__main__":
    print(card_text(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))), end="")
