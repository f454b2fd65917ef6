"""Every choice in configs/faces builds, and what no pipeline can do is refused."""

from pathlib import Path

import pytest
import yaml

from ferkit.errors import ConfigError
from ferkit.faces.detect import make_detector
from ferkit.faces.settings import FaceSettings

CONFIGS = sorted((Path(__file__).parents[3] / "configs" / "faces").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_yaml_names_every_setting(path):
    node = yaml.safe_load(path.read_text())
    assert node.pop("_target_") == "ferkit.faces.settings.FaceSettings"
    settings = FaceSettings(**node)
    assert set(node) == set(vars(settings))
    assert path.read_text().startswith("# ")


def test_the_studies_have_their_settings():
    read = {path.stem: yaml.safe_load(path.read_text()) for path in CONFIGS}
    assert set(read) >= {"none", "haar_48", "haar_equalized_224", "facenet_224", "kurmi2022"}
    thesis = read["haar_equalized_224"]
    assert (thesis["detector"], thesis["illumination"], thesis["size"]) == ("haar", "equalize", 224)
    assert (read["facenet_224"]["detector"], read["facenet_224"]["color"]) == ("mtcnn", "rgb")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"detector": "harr"}, "Did you mean 'haar'"),
        ({"choose": "biggest"}, "largest"),
        ({"no_face": "skip"}, "drop"),
        ({"align": "eye"}, "Did you mean 'eyes'"),
        ({"color": "gray"}, "Did you mean 'grey'"),
        ({"illumination": "equalise"}, "Did you mean 'equalize'"),
        ({"margin": 3.0}, "-0.4 to 2"),
        ({"margin": float("nan")}, "-0.4 to 2"),
        ({"size": 48.0}, "whole number"),
        ({"size": True}, "whole number"),
        ({"size": 4}, "8 to 1024"),
        ({"drop_blank": "yes"}, "true or false"),
        ({"scale_factor": 1.0}, "1.01 to 2"),
        ({"align": "eyes"}, "mtcnn"),
        ({"align": "five_points", "detector": "haar"}, "eyes alone"),
        ({"choose": "body", "detector": "given"}, "looks for none"),
    ],
)
def test_wrong_settings_are_answered_in_a_sentence(wrong, words):
    with pytest.raises(ConfigError, match=words):
        FaceSettings(**wrong)


def test_no_detector_is_made_where_none_is_needed():
    assert make_detector("none") is None
    assert make_detector("given") is None
    with pytest.raises(ConfigError, match="Did you mean 'mtcnn'"):
        make_detector("mtcn")
