"""The root keys of every command."""

from dataclasses import dataclass, field
from typing import Any

from ferkit.subkeys import (
    DetectKeys,
    LiveDetectKeys,
    MatchKeys,
    OutsideKeys,
    ReportSettings,
    SmoothKeys,
    TrackKeys,
)


@dataclass
class DataRoot:
    """Root keys of `ferkit data`.

    Attributes:
        out: Folder to write into, of `show`, `fake` and `ceiling`.
        people: Of `fake`: how many are drawn.
        real_size: Of `fake`: as many images as the genuine dataset has.
        seed: Of everything that is drawn at random.
        emotions: Classes to keep, e.g. [fear,sad]; null keeps all.
        data_root: Where datasets lie; each in a folder of its name, or in dataset.root.
        prepared_root: Where prepared faces are kept.
        shards: Of `prepare`: how many jobs on one disk share the work; each is given its `shard`.
        shard: Of `prepare`: which of them this is, 0 to shards - 1.
    """

    out: str | None = None
    people: int = 10
    real_size: bool = False
    seed: int = 0
    emotions: list[str] | None = None
    data_root: str = "data/raw"
    prepared_root: str = "data/prepared"
    shards: int | None = None
    shard: Any = None  # a number; empty where a shell's variable is
    dataset: Any = None
    faces: Any = None
    split: Any = None
    augment: Any = None


@dataclass
class TrainRoot:
    """Root keys of `ferkit train`; the groups below them are nodes with a `_target_`.

    Attributes:
        seed: Of everything that is drawn at random: split, weights, order, augmentation.
        emotions: Classes to keep, e.g. [fear,sad]; null keeps all.
        data_root: Where datasets lie; each in a folder of its name, or in dataset.root.
        prepared_root: Where prepared faces are kept.
        run_dir: The run's folder; null: outputs/train/<date>/<time>.
        resume: Folder of a stopped run to go on in.
        evaluate: Views to predict and report after training: val, test, or keys of `tests`.
        tests: Further named test views, e.g. {ckplus: {dataset: ckplus}}.
        study: {name, trial, variant}: which trial of a study this is.
    """

    seed: int = 0
    emotions: list[str] | None = None
    data_root: str = "data/raw"
    prepared_root: str = "data/prepared"
    run_dir: str | None = None
    resume: str | None = None
    evaluate: list[str] = field(default_factory=lambda: ["val"])
    tests: dict[str, Any] = field(default_factory=dict)
    report: ReportSettings = field(default_factory=ReportSettings)
    study: Any = None  # {name, trial, variant}; see check_study
    dataset: Any = None
    faces: Any = None
    split: Any = None
    imbalance: Any = None
    loss: Any = None
    augment: Any = None
    input: Any = None
    backbone: Any = None
    optimizer: Any = None
    scheduler: Any = None
    trainer: Any = None
    tta: Any = None
    logger: Any = None


@dataclass
class EvalRoot:
    """Root keys of `ferkit eval`; `baseline` to `of` go with `runs`.

    Attributes:
        run: The run's folder; null: the newest below outputs/train.
        model: A network that is judged on `dataset`, without a run.
        predictions: A csv or parquet of another program: key or path, label, predicted or
            p_<class>; with `dataset`, labels and leaks come from there.
        emotions: The classes of `predictions` by number, where it has numbers for names.
        runs: Runs, folders of runs or globs: one, or a list.
        baseline: Name of the method, or a folder of it, that the others are compared to.
        correction: Of the p-values of every pair: holm | bh.
        recall: Classes whose recall is shown; the rarest by default.
        difficulty: Whether `runs` are cross-validations that judge how difficult each face is.
        threshold: R(x) from which a face counts as easy, 0..1.
        of: Runs whose accuracy on easy and on difficult faces is wanted.
        ensemble: Runs to pool, named as in `runs`.
        study: Name of a study whose tables are made.
        out: Folder to write into, with `runs`, `ensemble` or `study`.
        view: Of the run: val (default), test, train, a key of `tests`; of another dataset: all
            (default: it whole), or a view of its own official split.
        print: headline | report: what is printed of a report.
        tests: Keys over those of the run's named test views, e.g. tests.ckplus.dataset.root=DIR.
        data_root: Where datasets lie; by default as the run has it.
        prepared_root: Where prepared faces are kept.
        device: auto | cpu | cuda | cuda:1.
        batch_size: Images predicted at once.
    """

    run: str | None = None
    model: OutsideKeys = field(default_factory=OutsideKeys)
    predictions: str | None = None
    emotions: list[str] | None = None
    runs: Any = None
    baseline: str | None = None
    correction: str = "holm"
    recall: Any = None
    difficulty: bool = False
    threshold: float = 0.5
    of: Any = None
    ensemble: Any = None
    study: str | None = None
    out: str | None = None
    view: str | None = None
    print: str = "headline"
    tests: dict[str, Any] = field(default_factory=dict)
    data_root: str | None = None
    prepared_root: str = "data/prepared"
    device: str = "auto"
    batch_size: int = 256
    report: ReportSettings = field(default_factory=ReportSettings)
    dataset: Any = None
    faces: Any = None
    tta: Any = None


@dataclass
class PredictRoot:
    """Root keys of `ferkit predict`; `every` to `smooth` are of videos.

    Attributes:
        source: An image, a video, a folder, a glob, a camera's number, the address of a stream or
            of a page; "-" for paths on standard input; or a list of such.
        model: A run, its model.safetensors, a file of `ferkit export`, or a name of `ferkit list
            model`; null: the packaged model.
        out: Folder to write into.
        runtime: auto | onnx | torch; auto is onnx for an .onnx file and, on the CPU, for a model
            beside which `ferkit export` has put one; torch for all others.
        format: csv | jsonl | parquet, of the table of images; a video's is csv and parquet.
        annotate: Write copies of the images and videos with boxes and emotions.
        saliency: What supported each emotion, drawn over the face: none | grad_cam |
            guided_backprop.
        device: auto | cpu | cuda | cuda:1.
        batch_size: Faces classified at once.
        force: Cut faces by other `faces` settings than those of the training.
        every: Analyse each so many-th frame.
        seconds: Stop after so many of each video or stream.
        video: The annotated copy: mp4 | avi | none.
        timeline: Whether the emotions over time are drawn.
        script: A yaml or csv of wanted emotions that a video is measured by; see docs/acting.md.
        cues: Seconds of the video at which the sections with a cue key end, e.g. [4.5,9].
    """

    source: Any = None
    model: str | None = None
    out: str | None = None
    format: str = "csv"
    annotate: bool = True
    saliency: str = "none"
    device: str = "auto"
    runtime: str = "auto"
    batch_size: int = 64
    force: bool = False
    every: int = 1
    seconds: float | None = None
    video: str = "mp4"
    timeline: bool = True
    detect: DetectKeys = field(default_factory=DetectKeys)
    track: TrackKeys = field(default_factory=TrackKeys)
    smooth: SmoothKeys = field(default_factory=SmoothKeys)
    script: str | None = None
    cues: list[float] | None = None
    match: MatchKeys = field(default_factory=MatchKeys)
    faces: Any = None


@dataclass
class MirrorRoot:
    """Root keys of `ferkit mirror`.

    Attributes:
        model: A run, its model.safetensors, a file of `ferkit export`, or a name of `ferkit list
            model`; null: the packaged model. The page can choose another one.
        runs: Below this folder lie the runs that the page offers.
        port: Of the page, on 127.0.0.1; 0 takes a free one.
        script: An acting script, yaml or csv, that stands ready; the page can read another one.
        labels: Names of the emotions on the page: ferkit | study (those of balanescu2020).
        saliency: What the network looks at in the largest face: none | grad_cam |
            guided_backprop; the page can choose.
        out: Recordings, and what one keeps, go below it, a folder each.
        runtime: auto | onnx | torch; auto is onnx where its packages are.
        force: Cut faces by other `faces` settings than those of the training.
    """

    model: str | None = None
    runs: str = "outputs"
    port: int = 8765
    script: str | None = None
    labels: str = "ferkit"
    saliency: str = "none"
    out: str = "outputs/mirror"
    runtime: str = "auto"
    force: bool = False
    detect: LiveDetectKeys = field(default_factory=LiveDetectKeys)
    track: TrackKeys = field(default_factory=TrackKeys)
    smooth: SmoothKeys = field(default_factory=SmoothKeys)
    match: MatchKeys = field(default_factory=MatchKeys)
    faces: Any = None


@dataclass
class ExportRoot:
    """Root keys of `ferkit export`.

    Attributes:
        run: A run's folder.
        model: Instead of a run, a model.safetensors.
        out: The file; by default model.onnx (or .tflite) beside the weights.
        format: onnx | tflite.
        int8: Write a quantized file too, and say what accuracy it loses on val.
        prepared_root: Where the prepared faces of the run's data lie, for int8.
    """

    run: str | None = None
    model: str | None = None
    out: str | None = None
    format: str = "onnx"
    int8: bool = False
    prepared_root: str = "data/prepared"


@dataclass
class SweepRoot:
    """Root keys of `ferkit sweep`; every other word is one of `ferkit train`.

    Attributes:
        trials: How many results in all; failed trials and those ended early count.
        out: Default outputs/sweep/<date>/<time>; the same words with the same `out` go on.
        resume: A sweep's folder to go on in.
        monitor: The val metric that trials are compared by; default trainer.monitor.
        sampler: tpe | random.
        sampler_seed: Default the trials' own seed.
        pruner: median | none.
        startup: Trials before which TPE draws at random and none is ended early.
        prune_after: The first epoch at which a trial may be ended.
        n_jobs: Trials side by side; over the GPUs in turn where there are several.
        retry_failed: Run failed trials once more, with their own parameters.
        storage: postgresql://USER@HOST/DATABASE, whose study workers on any machine share; the
            password comes from PGPASSWORD or ~/.pgpass.
        study_name: Of the study there; default a name made of what is searched.
        stale_after: Seconds without a sign of its worker after which a trial is run again.
    """

    trials: int = 20
    out: str | None = None
    resume: str | None = None
    monitor: str | None = None
    sampler: str = "tpe"
    sampler_seed: int | None = None
    pruner: str = "median"
    startup: int = 5
    prune_after: int = 1
    n_jobs: int = 1
    retry_failed: bool = False
    storage: str | None = None
    study_name: str | None = None
    stale_after: int = 180


ROOTS: dict[str, type] = {
    "train": TrainRoot,
    "eval": EvalRoot,
    "data": DataRoot,
    "predict": PredictRoot,
    "mirror": MirrorRoot,
    "export": ExportRoot,
    "sweep": SweepRoot,
}
