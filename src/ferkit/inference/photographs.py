"""Faces of photographs: their probabilities, a table of them, annotated copies."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch

from ferkit.colours import color_of, overlay
from ferkit.faces.crop import Crop
from ferkit.faces.decode import to_rgb
from ferkit.files import atomic_write, write_bytes, write_text
from ferkit.inference.runtime import Predictor
from ferkit.inference.saliency import saliency_maps
from ferkit.loader import planes
from ferkit.model import FaceClassifier
from ferkit.printable import csv_frame

FORMATS = ("csv", "jsonl", "parquet")


def classify(model: Predictor, source: str, crops: Sequence[Crop]) -> list[dict[str, Any]]:
    """One row per face: source, box, score of the detection, label and p_<emotion>."""
    kept = [crop for crop in crops if crop.pixels is not None]
    if not kept:
        return []
    probabilities = model.probabilities(np.stack([np.asarray(crop.pixels) for crop in kept]))
    return [
        _row(source, number, crop, model.emotions, row)
        for number, (crop, row) in enumerate(zip(kept, probabilities, strict=True))
    ]


def explain(
    model: FaceClassifier, crops: Sequence[Crop], rows: Sequence[dict[str, Any]], method: str
) -> list[np.ndarray]:
    """Each face under the map of what supports its label, uint8 [H, W, 3] RGB.

    Args:
        rows: Of `classify`, for the same crops.
        method: Of `ferkit.inference.saliency`.

    Raises:
        ConfigError: the network cannot be explained by this method.
    """
    kept = [crop for crop in crops if crop.pixels is not None]
    if not kept:
        return []
    class_ids = np.array([model.emotions.index(row["label"]) for row in rows])
    heat = saliency_maps(model, _planes(kept), class_ids, method).numpy()
    levels = np.rint(255 * heat).astype(np.uint8)
    return [overlay(np.asarray(c.pixels), level) for c, level in zip(kept, levels, strict=True)]


def _planes(crops: Sequence[Crop]) -> torch.Tensor:
    return planes(np.stack([np.asarray(crop.pixels) for crop in crops]))


def _row(
    source: str, number: int, crop: Crop, emotions: Sequence[str], probabilities: np.ndarray
) -> dict[str, Any]:
    box = [np.nan] * 4 if crop.box is None else [round(float(v), 1) for v in crop.box]
    return {
        "source": source,
        "face": number,
        **dict(zip(("x1", "y1", "x2", "y2"), box, strict=True)),
        "score": round(float(crop.score), 4),
        "success": 1,
        "label": emotions[int(probabilities.argmax())],
        **{f"p_{e}": float(p) for e, p in zip(emotions, probabilities, strict=True)},
    }


def nobody(source: str) -> dict[str, Any]:
    """The row of a picture in which no face was found, or that cannot be read."""
    return {"source": source, "face": -1, "success": 0}


def write_table(
    rows: Sequence[dict[str, Any]], emotions: Sequence[str], out: Path, kind: str
) -> Path:
    """faces.csv, .jsonl or .parquet in `out`, written atomically."""
    columns = ["source", "face", "x1", "y1", "x2", "y2", "score", "success", "label"]
    table = pd.DataFrame(rows, columns=[*columns, *(f"p_{e}" for e in emotions)])
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"faces.{kind}"
    if kind == "csv":
        write_text(path, csv_frame(table).to_csv(index=False))
    elif kind == "jsonl":
        write_text(path, table.to_json(orient="records", lines=True))
    else:
        atomic_write(path, lambda beside: table.to_parquet(beside, index=False))
    return path


def annotate(image: np.ndarray, rows: Sequence[dict[str, Any]], path: Path) -> None:
    """A copy of an image with a box, the emotion and its probability at every face."""
    drawn = to_rgb(image).copy()
    for row in rows:
        if not np.isnan(row["x1"]):
            box = [row[k] for k in ("x1", "y1", "x2", "y2")]
            draw_box(drawn, box, f"{row['label']} {row['p_' + row['label']]:.0%}", row["label"])
    _write_picture(path, cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))


def draw_box(picture: np.ndarray, box: Sequence[float], text: str, label: str) -> None:
    """A box and a line of text above it, drawn into a picture [H, W, 3] RGB.

    Args:
        picture: Is changed.
        box: x1, y1, x2, y2.
        text: What stands there.
        label: Gives the colour.
    """
    side = max(picture.shape[:2])
    scale, thick = max(0.4, side / 1600), max(1, side // 500)
    x1, y1, x2, y2 = (round(v) for v in box)
    color = tuple(round(255 * part) for part in color_of(label))
    cv2.rectangle(picture, (x1, y1), (x2, y2), color, thick + 1)
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
    top = max(0, y1 - height - 8)
    cv2.rectangle(picture, (x1, top), (x1 + width + 6, top + height + 8), color, -1)
    cv2.putText(
        picture,
        text,
        (x1 + 3, top + height + 3),
        cv2.FONT_HERSHEY_SIMPLEX,
        scale,
        (255, 255, 255),
        thick,
        cv2.LINE_AA,
    )


def write_explained(face: np.ndarray, path: Path, side: int = 240) -> None:
    """A picture of `explain`, enlarged to `side` pixels where it is smaller."""
    times = max(1, -(-side // face.shape[0]))
    size = (face.shape[1] * times, face.shape[0] * times)
    shown = cv2.resize(cv2.cvtColor(face, cv2.COLOR_RGB2BGR), size, interpolation=cv2.INTER_CUBIC)
    _write_picture(path, shown)


def _write_picture(path: Path, picture: np.ndarray) -> None:
    done, encoded = cv2.imencode(path.suffix, picture)
    assert done, path.suffix
    write_bytes(path, encoded.tobytes())
