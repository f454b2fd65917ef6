"""The words after `ferkit`, a module each: config to objects to one call."""

COMMANDS = {
    "train": "train a classifier and report on val; bare: the built-in example",
    "eval": "make a run's report again, or predict a view and report on it",
    "data": "data check|prepare|show|fake dataset=NAME: look at, prepare or imitate a dataset",
    "predict": "faces and emotions of images, videos, cameras and streams",
    "mirror": "a page on this machine: the camera's faces and emotions, live; an acting script",
    "export": "a trained network as an .onnx file, checked against torch",
    "sweep": "search over any keys of train with Optuna; goes on after a kill",
    "runs": "runs [DIR]: the runs below a folder: what, how far, metrics, state",
    "list": "list [group] [pattern]: what can be chosen; an exact name: its keys",
    "completion": "completion bash|zsh|fish: a script that completes commands, keys and choices",
}
