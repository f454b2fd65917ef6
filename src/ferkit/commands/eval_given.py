"""`ferkit eval model=FILE` and `predictions=FILE`: the report of what ferkit did not train."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig, OmegaConf

from ferkit.config import as_plain, is_node
from ferkit.datasets.cells import read_columns
from ferkit.errors import ConfigError, DataError
from ferkit.evaluation.examples import choose_examples
from ferkit.evaluation.given import given_predictions
from ferkit.faces.store import FaceStore
from ferkit.files import FORMAT, usable_folder
from ferkit.inference.data import other_views
from ferkit.inference.joined import join_dataset
from ferkit.inference.onnx_file import open_onnx, weights_sum
from ferkit.inference.outside import outside_predictor
from ferkit.inference.predict import make_predictions
from ferkit.inference.runtime import SUFFIX, Predictor, load_predictor, onnx_predictor
from ferkit.inference.thumbnails import make_thumbnails, write_thumbnails
from ferkit.reports.page import write_report
from ferkit.runs.fingerprint import fingerprint
from ferkit.runs.folder import RunFolder, default_folder
from ferkit.splits import VIEWS, count_leaks
from ferkit.splits.split import ALL
from ferkit.untrusted import parse_parquet
from ferkit.views import Views, make_store

_TOGETHER = 1024  # faces read from the store at once
_NOT_KNOWN = (
    "What {what} was trained on is not known to ferkit, so that no face could be left out for it; "
    "the leaks counted here are those between the dataset's own splits, and they flatter a network "
    "that was trained on its training part."
)


def evaluate_given(config: DictConfig, command: str) -> Path:
    """Judge a network's file on a dataset, or a table of predictions; return the folder.

    Raises:
        ConfigError: keys are missing, or do not go together.
        DataError: a file cannot be read, or does not fit.
    """
    if config.predictions is not None and config.model.file is not None:
        raise ConfigError("Give model= or predictions=, not both.")
    if config.run is not None:
        raise ConfigError("run= has a model of its own; give it alone, or leave it out.")
    out = usable_folder(Path(config.out) if config.out else default_folder("eval"), "out")
    if config.predictions is not None:
        return _judge_table(config, out, command)
    return _judge_model(config, out, command)


def _judge_model(config: DictConfig, out: Path, command: str) -> Path:
    if not is_node(config.dataset):
        raise ConfigError(
            "model= is judged on data: give dataset=NAME dataset.root=DIR; `ferkit list dataset` "
            "shows what can be read."
        )
    predictor = _predictor(config)
    store = make_store(DictConfig(_data_config(config, _faces(config, predictor))))
    view = _view(config, store)
    views = other_views(store, predictor.emotions, view, None)
    rows = views.rows(view)
    probabilities = _probabilities(predictor, store, rows)
    scores = np.log(np.clip(probabilities, 1e-12, None))
    predictions = make_predictions(store.index.iloc[rows], scores, predictor.emotions, view)
    model = {k: v for k, v in as_plain(config.model).items() if v is not None}
    path = Path(config.model.file)
    if path.is_file():
        model["sha256"] = weights_sum(path)
    run = _begin(out, {"model": model}, _described(views, store, str(path)))
    run.write_predictions(view, predictions)
    if config.report.faces:
        mistakes = choose_examples(predictions)
        write_thumbnails(run, [make_thumbnails(None, store, mistakes, "none")])
    return _finish(run, store.index.iloc[rows], view, predictions, command, config)


def _predictor(config: DictConfig) -> Predictor:
    asked = config.model
    path = Path(asked.file)
    if path.suffix.lower() != SUFFIX:
        _refuse_more(config, "a model of ferkit's")
        return load_predictor(path, device=config.device, batch=config.batch_size)
    file = open_onnx(path, config.device)
    if file.card is not None:
        _refuse_more(config, "a file of `ferkit export`")
        return onnx_predictor(file, config.batch_size)
    return outside_predictor(
        file, emotions=asked.emotions, scaling=asked.input, size=asked.size, output=asked.output
    )


def _refuse_more(config: DictConfig, what: str) -> None:
    for key in ("emotions", "input", "size"):
        if config.model[key] is not None:
            raise ConfigError(
                f"{config.model.file} is {what} and says its {key} itself; leave model.{key} out."
            )


def _faces(config: DictConfig, predictor: Predictor) -> dict[str, Any]:
    asked = as_plain(config.faces) or {}
    node = dict(asked) if "_target_" in asked else {**predictor.faces, **asked}
    shape = {"size": predictor.size, "color": "grey" if predictor.channels == 1 else "rgb"}
    return {**node, **shape, "copies": []}


def _data_config(config: DictConfig, faces: Mapping[str, Any]) -> dict[str, Any]:
    dataset = as_plain(config.dataset)
    root = dataset.get("root")
    if isinstance(root, str) and Path(root).is_relative_to("None"):  # no data_root was given
        dataset = {**dataset, "root": str(Path("data/raw") / Path(root).relative_to("None"))}
    return {"dataset": dataset, "faces": dict(faces), "prepared_root": config.prepared_root}


def _view(config: DictConfig, store: FaceStore) -> str:
    if config.view is not None:
        return str(config.view)
    return "test" if (store.index["split"] == "test").any() else ALL


def _probabilities(predictor: Predictor, store: FaceStore, rows: np.ndarray) -> np.ndarray:
    parts = np.split(rows, range(_TOGETHER, len(rows), _TOGETHER))
    return np.concatenate([predictor.probabilities(np.asarray(store.faces[p])) for p in parts])


def _described(views: Views, store: FaceStore, what: str) -> dict[str, Any]:
    described = views.describe()
    described["leaks"] = _leaks(store)
    split = described["split"]
    split["notes"] = [*split["notes"], _NOT_KNOWN.format(what=what)]
    return described


def _leaks(store: FaceStore) -> dict[str, dict[str, int]]:
    """Between the dataset's own splits; none where it has none."""
    views = store.index["split"].where(store.index["split"].isin(VIEWS), "").to_numpy(dtype="<U5")
    leaks = count_leaks(store.index, views)
    return {
        pair: n for pair, n in leaks.items() if all((views == v).any() for v in pair.split("|"))
    }


def _judge_table(config: DictConfig, out: Path, command: str) -> Path:
    path = Path(config.predictions)
    table = _read(path)
    order = None if config.emotions is None else [str(e) for e in config.emotions]
    known = sorted(set(table["view"].dropna().astype(str))) if "view" in table else []
    view = config.view or (known[0] if len(known) == 1 else ALL)
    if len(known) > 1 and config.view is not None:
        table = table[table["view"].astype(str) == view].reset_index(drop=True)
    predictions, notes = given_predictions(table, str(path), str(view), order)
    described: dict[str, Any] = {"split": {"name": view, "protocol": f"the rows of {path.name}"}}
    index = predictions.assign(split="test" if "test" in view else "")
    if is_node(config.dataset):
        faces = {"_target_": "ferkit.faces.settings.FaceSettings", "detector": "none"}
        data = DictConfig(_data_config(config, as_plain(config.faces) or faces))
        store = make_store(data)
        predictions = join_dataset(predictions, store, Path(data.dataset.root), str(path))
        described = _joined(store, predictions, view, path)
        index = store.index[store.index["key"].isin(predictions["key"])]
    if (predictions["label"] == "").all():
        raise DataError(
            f"{path} has no labels; give a column label, or dataset=NAME dataset.root=DIR to take "
            "the dataset's."
        )
    described["split"]["notes"] = [*described["split"].get("notes", ()), *notes]
    run = _begin(out, {"predictions": str(path), "sha256": weights_sum(path)}, described)
    run.write_predictions(view, predictions)
    return _finish(run, index, view, predictions, command, config)


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise DataError(f"No predictions at {path}; give a csv or parquet file.")
    if path.suffix.lower() == ".parquet":
        return parse_parquet(path.read_bytes(), path).reset_index(drop=True)
    return read_columns(path)


def _joined(store: FaceStore, predictions: pd.DataFrame, view: str, path: Path) -> dict[str, Any]:
    chosen = store.index["key"].isin(predictions["key"])
    of_view = (store.index["split"] == view) & (store.index["label"] != "")
    left = int((of_view & ~chosen).sum())
    notes = [f"{left:,} faces of {view} have no row in {path.name}"] if left else []
    card = store.card
    return {
        "dataset": {**card["dataset"], "n": card["n"], "dropped": card["dropped"]},
        "leaks": _leaks(store),
        "split": {
            "name": view,
            "protocol": f"the rows of {path.name}",
            "notes": [*notes, _NOT_KNOWN.format(what="the network behind the table")],
        },
    }


def _begin(out: Path, content: Mapping[str, Any], described: Mapping[str, Any]) -> RunFolder:
    text = OmegaConf.to_yaml(OmegaConf.create({"format": FORMAT, **content}))
    known = out / "config.yaml"
    if known.is_file() and known.read_bytes() != text.encode():
        raise ConfigError(f"out={out} holds the report of something else; give another folder.")
    out.mkdir(parents=True, exist_ok=True)
    run = RunFolder(out)
    run.write("config.yaml", text)
    run.write_json("data.json", described)
    return run


def _finish(
    run: RunFolder,
    rows: pd.DataFrame,
    view: str,
    predictions: pd.DataFrame,
    command: str,
    config: DictConfig,
) -> Path:
    """Note what was seen of a test split, and write the report."""
    if (rows["split"] == "test").any():
        names: Sequence[str] = sorted(set(predictions["dataset"].astype(str)))
        run.note_test_access(view, ", ".join(names), command, fingerprint(predictions))
    write_report(run.folder, faces=bool(config.report.faces))
    return run.folder
