"""How the metrics came about, in sentences that a reader can judge."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from ferkit.printable import in_words
from ferkit.reports.tables import short_name
from ferkit.runs.fingerprint import fingerprint
from ferkit.runs.record import RunRecord

_TRAIN_ALONE = "The training view alone was"
_HELD_OUT = (
    "Every face is a test face of one fold, predicted once, after that fold's training, by the "
    "network that did not see it."
)
_FEW_UPDATES = 300  # batches, below which a network from random weights has hardly begun
_MONITOR = "val_accuracy"  # where the settings do not say


def title(record: RunRecord) -> str:
    """What was trained on what."""
    backbone = short_name(record.config.get("backbone") or {})
    dataset = str((record.data.get("dataset") or {}).get("name", ""))
    if not dataset:
        frame = next(iter(record.predictions.values()))
        dataset = ", ".join(sorted(set(frame["dataset"]))) if "dataset" in frame else "faces"
    if not backbone:
        return f"Predictions on {dataset}"
    trained = record.data.get("trained_on") or {}
    if trained:
        alike = dataset == trained.get("dataset") and record.data.get("root")
        where = f" in {record.data['root']}" if alike else ""
        return f"{backbone} trained on {trained.get('dataset')}, tested on {dataset}{where}"
    return f"{backbone} on {dataset}"


def monitor(record: RunRecord) -> str:
    """The column of metrics.jsonl that chose the epoch."""
    trainer = record.config.get("trainer")
    asked = str(trainer.get("monitor")) if isinstance(trainer, Mapping) else ""
    return asked if asked in record.epochs else _MONITOR


def best_epoch(record: RunRecord) -> int | None:
    """The epoch whose weights were kept, or None without epochs.

    Runs of before have no column for it: theirs is the first with the best value of the monitor.
    """
    if "best" in record.epochs and record.epochs["best"].fillna(False).any():
        kept = record.epochs["best"].fillna(False).astype(bool)
        return int(record.epochs.loc[kept, "epoch"].iloc[-1])
    column = monitor(record)
    if column not in record.epochs:
        return None
    values = pd.to_numeric(record.epochs[column], errors="coerce")
    if values.isna().all():
        return None
    row = values.argmin() if column.endswith("loss") else values.argmax()
    return int(record.epochs["epoch"].iloc[row])


def describe_protocol(
    record: RunRecord, metrics: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, str]]:
    """A word and a sentence or two each: split, training, selection, test, intervals."""
    parts = [
        ("Trained on", _trained_on(record.data)),
        ("Data", _dataset(record)),
        ("Split", _split(record.data)),
        ("Leaks", _leaks(record.data, metrics)),
        ("Resampling", _resampling(record)),
        ("Selection", _selection(record)),
        ("Test", _test_accesses(record)),
        ("Videos", _videos(record)),
        ("Metrics", _metrics(metrics)),
        ("Intervals", _intervals(metrics)),
    ]
    return [(word, sentence) for word, sentence in parts if sentence]


def _dataset(record: RunRecord) -> str:
    dataset = record.data.get("dataset") or {}
    if not dataset:
        return ""
    n = f"{dataset['n']:,} faces" if dataset.get("n") else "faces"
    variant = f", {dataset['variant']}" if dataset.get("variant") else ""
    dropped = sum((dataset.get("dropped") or {}).values())
    left_out = f"{dropped:,} images were left out" if dropped else "Nothing was left out"
    return (
        f"{dataset.get('name', 'The dataset')}{variant}: {n}. {left_out}. {_fingerprints(record)}"
    )


def _fingerprints(record: RunRecord) -> str:
    """What names the data by their content: equal digits, equal images and labels."""
    named = (f"{in_words(view)} {fingerprint(frame)}" for view, frame in record.predictions.items())
    return f"Fingerprint of images and labels: {', '.join(named)}."


def _trained_on(data: Mapping[str, Any]) -> str:
    trained = data.get("trained_on") or {}
    if not trained:
        return ""
    variant = f", {trained['variant']}" if trained.get("variant") else ""
    tag = f", hash {trained['hash']}" if trained.get("hash") else ""
    protocol = f" ({trained['protocol']}{tag})" if trained.get("protocol") else ""
    return (
        f"{trained.get('dataset')}{variant}{protocol}, the run {trained.get('run')}; the settings "
        "below are its. What is judged here is another dataset:"
    )


def _split(data: Mapping[str, Any]) -> str:
    split = data.get("split") or {}
    if not split:
        return ""
    seed = f", seed {split['seed']}" if split.get("seed") is not None else ""
    tag = f", hash {split['hash']}" if split.get("hash") else ""
    if data.get("trained_on"):
        return f"Judged: {split.get('protocol')}{tag}."
    protocol = str(split.get("protocol") or split.get("name") or "unknown").rstrip(".")
    return f"{protocol[:1].upper()}{protocol[1:]} (split {split.get('name', '?')}{seed}{tag})."


def _leaks(data: Mapping[str, Any], metrics: Mapping[str, Mapping[str, Any]]) -> str:
    overlap = " ".join(_overlap(view, each) for view, each in metrics.items() if "in_train" in each)
    if (data.get("trained_on") or {}).get("overlap_checked") is False:
        return (
            "Not checked: the run kept no hashes of its training images (an older ferkit wrote it) "
            "and its dataset is not here."
        )
    if data.get("trained_on"):
        return overlap
    return f"{_leaks_of_split(data)} {overlap}".strip()


def _overlap(view: str, metrics: Mapping[str, Any]) -> str:
    """What a view of another dataset shares with the training view."""
    counts = metrics["in_train"]
    if not counts:
        return f"No face of {view} shares an image, a source or a subject with the training view."
    whole = metrics["with_in_train"]
    kinds = ", ".join(f"{n:,} by {kind}" for kind, n in counts.items())
    return (
        f"Of the {whole['n']:,} faces of {view}, {sum(counts.values()):,} lie in the training view "
        f"({kinds}) and are left out of every metric; with them the accuracy would be "
        f"{whole['accuracy']:.3f} and the macro F1 {whole['macro_f1']:.3f}."
    )


def _leaks_of_split(data: Mapping[str, Any]) -> str:
    if "leaks" not in data:
        return "Not counted for these predictions."
    total = sum(sum(counts.values()) for counts in (data["leaks"] or {}).values())
    dropped = (data.get("split") or {}).get("leaks_dropped") or 0
    repaired = f" {dropped:,} leaking rows were left out of the earlier view." if dropped else ""
    if not total:
        return (
            f"No image of a view shares its person, video, source or pixels with another.{repaired}"
        )
    return (
        "Some images of a later view share a person, video, source or every pixel with an earlier "
        f"one, so its metrics flatter; the counts stand below.{repaired}"
    )


def _resampling(record: RunRecord) -> str:
    data = record.data
    after = (data.get("counts_after") or {}).get("train")
    before = (data.get("counts") or {}).get("train")
    if not after or not before:
        return ""
    tests = record.config.get("tests") or {}
    also = [name for name, asked in tests.items() if asked and "resample" in asked]
    which = f"The training view and {', '.join(also)} were" if also else _TRAIN_ALONE
    return (
        f"{which} resampled, after the split; training from {sum(before.values()):,} to "
        f"{sum(after.values()):,} faces."
    )


def _selection(record: RunRecord) -> str:
    best = best_epoch(record)
    if best is None:
        return ""
    column = monitor(record)
    sense = "lowest" if column.endswith("loss") else "highest"
    sentence = (
        f"The run has {len(record.epochs)} epoch{'s' * (len(record.epochs) != 1)}; the weights are "
        f"those of epoch {best}, with the {sense} {column}{_tie(record, column, best)}."
    )
    if column.startswith("val"):
        sentence += " As val chose them, its own metrics are slightly optimistic."
    if best == len(record.epochs):
        sentence += (
            f" It is the last epoch: val was still improving, so more (trainer.max_epochs="
            f"{2 * best}) may gain."
        )
    return sentence + _length(record)


def _length(record: RunRecord) -> str:
    """What was chosen by the number of images, and whether the run was too short to be judged."""
    chosen = record.env.get("chosen") or {}
    keys = {k: v for k, v in chosen.items() if k != "images"}
    sentence = ""
    if keys:
        typed = ", ".join(f"trainer.{key}={str(value).lower()}" for key, value in keys.items())
        sentence = f" Chosen by the {chosen.get('images', 0):,} images of train: {typed}."
    trainer, backbone = (record.config.get(node) or {} for node in ("trainer", "backbone"))
    counts = (record.data.get("counts_after") or {}).get("train")
    images = sum((counts or (record.data.get("counts") or {}).get("train") or {}).values())
    batch = trainer.get("batch_size")
    learned = backbone.get("pretrained") or backbone.get("init_from")
    if learned or not isinstance(batch, int) or batch < 1 or not images:
        return sentence
    updates = -(-images // batch) * len(record.epochs)
    if updates < _FEW_UPDATES:
        sentence += (
            f" It was short: {updates:,} batches from random weights say little of what can be "
            "learned; leave trainer.max_epochs and trainer.batch_size out, or give more epochs."
        )
    return sentence


def _tie(record: RunRecord, column: str, best: int) -> str:
    values = record.epochs.set_index("epoch")[column]
    equal = int((values == values[best]).sum())
    if equal == 1:
        return ""
    rule = "of the lowest val_loss" if "best" in record.epochs else "the first"
    return f" ({equal} epochs have it; {rule} is taken)"


def _test_accesses(record: RunRecord) -> str:
    accesses = [a for a in record.test_accesses if a.get("view") not in (None, "train", "val")]
    shown = [view for view in record.predictions if view not in ("train", "val")]
    if not accesses and not shown:
        return "No test view has been accessed."
    if not accesses and shown == ["held_out"]:
        return _HELD_OUT
    if not accesses:
        names = in_words(", ".join(shown))
        return f"This report shows {names}; the date of the access was not recorded."
    dates = "; ".join(
        f"{access['view']} of {access.get('dataset', '?')} on {str(access.get('date', '?'))[:10]}"
        for access in accesses
    )
    times = "once" if len(accesses) == 1 else f"{len(accesses)} times"
    return f"Accessed {times}: {dates}."


def _videos(record: RunRecord) -> str:
    rows = [frame for frame in record.predictions.values() if "sequence" in frame and len(frame)]
    if any((frame["key"] == frame["sequence"]).all() for frame in rows):  # see commands.evaluation
        return "The network judges whole videos: each sample counted here is a video."
    return ""


def _metrics(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    sentence = "Macro metrics are means over the classes with faces; a division by zero is 0."
    for view, each in metrics.items():
        for kind, words in (
            ("absent", "no face of"),
            ("never_predicted", "never predicted:"),
            ("out_of_vocabulary", "the network has no output for"),
        ):
            if each.get(kind):
                sentence += f" In {view}: {words} {', '.join(each[kind])}."
        if "shared" in each:
            sentence += (
                f" The shared classes of {view} are {', '.join(each['shared']['classes'])}: other "
                "faces are left out and the prediction is the most probable of these."
            )
    return sentence


def _intervals(metrics: Mapping[str, Mapping[str, Any]]) -> str:
    drawn = {view: each["resampled"] for view, each in metrics.items() if "resampled" in each}
    if not drawn:
        return ""
    first = next(iter(drawn.values()))
    units = "; ".join(f"{view}: {each['units']}" for view, each in drawn.items())
    return (
        "Brackets hold 95% intervals. Precision and recall of a class: Wilson, which takes faces "
        f"as independent. All others: bootstrap, {first['resamples']:,} resamples (seed "
        f"{first['seed']}) of {units}. A single subject or video gives no bootstrap interval."
    )
