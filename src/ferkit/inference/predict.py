"""Predictions: one row a face, with its key, its label and the probabilities."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ferkit.devices import quick_layout
from ferkit.evaluation.groups import GROUPS
from ferkit.inference.tta import Tta
from ferkit.loader import Loader
from ferkit.model import FaceClassifier
from ferkit.progress import counted
from ferkit.runs.fingerprint import CONTENT, IN_TRAIN


@torch.inference_mode()
def predict_scores(
    model: FaceClassifier, loader: Loader, tta: Tta, dtype: torch.dtype = torch.float32
) -> np.ndarray:
    """Scores float32 [N, K] of a loader's rows, in its order.

    Args:
        dtype: Of autocast; float32 for none.
    """
    model.eval()

    def classify(images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, dtype, enabled=dtype != torch.float32):
            return model(quick_layout(images)).float()

    scores: list[Tensor] = []
    done = 0
    for batch in counted(loader.epoch(0), loader.steps, "predicting", "batch"):
        scores.append(tta.scores(classify, batch.images, done))
        done += len(batch.images)
    return torch.cat(scores).cpu().numpy()


def make_predictions(
    index: pd.DataFrame, scores: np.ndarray, emotions: Sequence[str], view: str
) -> pd.DataFrame:
    """The predictions frame of some rows, whose keys travel with their probabilities.

    Args:
        index: The rows, in the order of the scores.
        scores: [N, K]; p_<emotion> is their softmax.
    """
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities = shifted / shifted.sum(axis=1, keepdims=True)  # [N, K]
    columns = ["key", "dataset", "subject", "sequence", "frame", "label"]
    columns += [name for name in (*GROUPS, CONTENT, IN_TRAIN) if name in index]
    frame = index[columns].reset_index(drop=True)
    frame.insert(2, "view", view)
    frame["predicted"] = np.asarray(emotions, dtype=object)[scores.argmax(axis=1)]
    for k, emotion in enumerate(emotions):
        frame[f"p_{emotion}"] = probabilities[:, k]
    return frame
