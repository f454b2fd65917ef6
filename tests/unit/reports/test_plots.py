import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from ferkit.colours import INK, blues, luminance
from ferkit.reports.plots import draw_confusion, draw_curves, draw_reliability, render


def lightness(rgb):
    """CIE L* of an sRGB colour: what is left of it in grey."""
    y = luminance(rgb)
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def texts(metric):
    return [text.get_text() for text in metric.axes[0].texts]


def confusion(classes, absent=None):
    counts = np.arange(classes * classes).reshape(classes, classes)
    counts += 40 * np.eye(classes, dtype=int)
    if absent is not None:
        counts[absent] = 0
    names = [f"class{i}" for i in range(classes)]
    return pd.DataFrame(counts.astype(int), index=names, columns=names)


def test_the_map_reads_in_grey():
    levels = np.array([lightness(rgb) for rgb in blues()(np.linspace(0, 1, 41))])
    steps = -np.diff(levels)
    assert levels[0] > 95 and levels[-1] < 25
    assert steps.min() > 0.5 * steps.mean() and steps.max() < 1.6 * steps.mean()


def test_luminance_of_black_white_and_green():
    assert [luminance(to_rgb(c)) for c in ("black", "white", "lime")] == pytest.approx(
        [0, 1, 0.7152]
    )


def test_every_text_of_a_cell_can_be_read():
    metric = draw_confusion(confusion(7), "")
    shares = confusion(7).to_numpy() / confusion(7).to_numpy().sum(axis=1, keepdims=True)
    for text in metric.axes[0].texts:
        column, row = map(int, text.xy)
        cell = luminance(blues()(shares[row, column]))
        ink = luminance(to_rgb(text.get_color()))
        contrast = (max(cell, ink) + 0.05) / (min(cell, ink) + 0.05)
        assert contrast > 3.5
    assert INK in {text.get_color() for text in metric.axes[0].texts}


def test_cells_show_share_and_count():
    matrix = pd.DataFrame([[1500, 0], [3, 997]], index=["a", "b"], columns=["a", "b"])
    assert texts(draw_confusion(matrix, "")) == ["100", "1,500", "<1", "3", "100", "997"]


def test_many_classes_show_shares_alone_and_an_absent_one_is_hatched():
    metric = draw_confusion(confusion(14, absent=2), "")
    assert len(texts(metric)) == 13 * 14
    assert [patch.get_hatch() for patch in metric.axes[0].patches] == ["////"]


def test_curves_mark_the_best_epoch_and_label_each_line():
    epochs = pd.DataFrame(
        {
            "epoch": [1, 2, 3],
            "train_loss": [2.0, 1.5, 1.2],
            "val_loss": [1.9, 1.6, float("nan")],
            "train_accuracy": [0.2, 0.4, 0.5],
            "val_accuracy": [0.3, 0.4, 0.4],
            "val_macro_f1": [0.3, 0.4, 0.4],
        }
    )
    loss, score = draw_curves(epochs, 2).axes
    assert {text.get_text() for text in loss.texts} == {"best: 2", "train", "val"}
    labels = [text for text in score.texts if text.get_text() != "best: 2"]
    heights = sorted(text.xy[1] for text in labels)
    assert len(labels) == 3
    assert min(np.diff(heights)) > 0.05 * np.diff(score.get_ylim())[0]
    styles = [(line.get_linestyle(), line.get_color()) for line in score.lines[:3]]
    assert len(set(styles)) == 3


def test_one_epoch_without_a_finite_loss_is_drawn():
    epochs = pd.DataFrame({"epoch": [1], "train_loss": [float("nan")], "val_accuracy": [0.3]})
    assert render(draw_curves(epochs, None), "png").startswith(b"\x89PNG")


def test_reliability_shows_the_bins_in_use():
    sums = np.zeros((15, 3))
    sums[7], sums[14] = (10, 5.1, 4), (20, 19.5, 18)
    line = draw_reliability(sums).axes[0].lines[1]
    assert line.get_xdata() == pytest.approx([0.51, 0.975])
    assert line.get_ydata() == pytest.approx([0.4, 0.9])


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_same_picture_has_the_same_bytes_and_no_date(kind):
    first, second = (render(draw_confusion(confusion(3), "x"), kind) for _ in range(2))
    assert first == second
    assert b"<dc:date>" not in first and b"Creation" not in first
