"""The network of PyPI's `facex` on ready faces, in an environment of its own (../bench_peers.py).

Arguments: faces (uint8, N x 48 x 48, raw), N, where the json is written.
"""

import json
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

LABELS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")

source, count, out, *_ = sys.argv[1:]
faces = np.fromfile(source, np.uint8).reshape(int(count), 48, 48)
package = Path(find_spec("facex").submodule_search_locations[0])
network = Interpreter(str(package / "assets" / "model_optimized.tflite"), num_threads=1)
network.allocate_tensors()
inside, outside = network.get_input_details()[0], network.get_output_details()[0]
side = inside["shape"][1]
probabilities = []
started = time.perf_counter()
for face in faces:
    grey = np.asarray(Image.fromarray(face).resize((side, side), Image.BILINEAR), np.float32) / 255
    network.set_tensor(inside["index"], np.repeat(grey[None, ..., None], 3, axis=3))
    network.invoke()
    probabilities.append(network.get_tensor(outside["index"])[0].tolist())
milliseconds = 1000 * (time.perf_counter() - started) / len(faces)
found = {"labels": LABELS, "probabilities": probabilities, "ms": milliseconds}
Path(out).write_text(json.dumps(found | {"parameters": None}))
