import cv2
import numpy as np
import pytest

from ferkit.datasets.drawn import CLASSES, FER2013_TRAINING, largest_remainder, read_drawn
from ferkit.datasets.fakes import drawn as fake
from ferkit.drawn import face as drawing
from ferkit.drawn.face import draw_face, draw_photo
from ferkit.drawn.geometry import action_units, person_of, shape_face
from ferkit.emotions import EMOTIONS
from ferkit.errors import ConfigError

SMALL = {"train": 140, "val": 35, "test": 35, "people": 12}


@pytest.fixture(scope="module")
def small():
    return read_drawn(**SMALL)


def clean(emotion, person, **options):
    rng = np.random.default_rng(0)
    return draw_face(emotion, person=person, rng=rng, vary=False, **options)


def test_a_face_is_grey_and_of_the_asked_size():
    face = draw_face("happy", person=1, rng=np.random.default_rng(1), size=64)
    assert face.shape == (64, 64)
    assert face.dtype == np.uint8
    assert face.std() > 10


def directions(emotion, people):
    """What an emotion changes in each of these people, as unit vectors. [people, 48 * 48]"""
    changes = []
    for person in people:
        change = clean(emotion, person).astype(float) - clean("neutral", person)
        changes.append(cv2.GaussianBlur(change, (0, 0), 1.5).ravel())
    return np.stack([change / np.linalg.norm(change) for change in changes])


def test_geometry_alone_tells_the_emotions_apart_in_people_never_seen():
    moving = [e for e in EMOTIONS if e != "neutral"]
    # Contempt has its own side in everybody: one side for this test.
    people = [p for p in range(60) if person_of(p).smirk]
    means = np.stack([directions(e, people[:15]).mean(0) for e in moving])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    told = [(directions(e, people[15:25]) @ means.T).argmax(1) for e in moving]
    recalls = [(chosen == code).mean() for code, chosen in enumerate(told)]
    assert min(recalls) >= 0.8
    assert np.mean(recalls) >= 0.95


@pytest.mark.parametrize("emotion", [e for e in EMOTIONS if e != "neutral"])
def test_intensity_goes_from_neutral_to_apex(emotion):
    faces = [clean(emotion, 3, intensity=i).astype(float) for i in (0, 0.3, 0.6, 1)]
    assert np.array_equal(faces[0], clean("neutral", 3))
    away = [np.abs(face - faces[0]).mean() for face in faces]
    assert away == sorted(away)
    assert away[3] > 2 * away[1]


def test_one_generator_state_is_one_picture_at_every_intensity():
    weak, strong = (
        draw_face("surprise", person=3, rng=np.random.default_rng(5), intensity=i, size=96)
        for i in (0.2, 1.0)
    )
    top = slice(0, 4)  # hair, light and noise, but nothing that an emotion moves
    assert np.array_equal(weak[top], strong[top])
    assert not np.array_equal(weak, strong)


def test_contempt_raises_one_corner_of_the_mouth_alone():
    who = person_of(4)
    acts = action_units("contempt", who, np.random.default_rng(0), intensity=1, difficulty=0)
    heights = shape_face(who, acts).mouth[:, 1]
    assert heights[who.smirk] < heights[1 - who.smirk] - 0.1


def test_people_differ_and_stay_themselves():
    assert np.array_equal(clean("sad", 8), clean("sad", 8))
    assert np.abs(clean("sad", 8).astype(float) - clean("sad", 9)).mean() > 5
    assert np.array_equal(clean("sad", 8), clean("sad", 8, difficulty=2))


def test_a_photo_keeps_to_its_box():
    photo, box, _ = draw_photo(
        "happy",
        person=2,
        rng=np.random.default_rng(0),
        width=320,
        height=240,
        box=(40, 50, 150, 130),
    )
    assert photo.shape == (240, 320, 3)
    assert (box[0] + box[2]) / 2 == pytest.approx(95)
    assert box[1] == pytest.approx(50)
    assert box[3] == pytest.approx(130)
    assert box[2] - box[0] == pytest.approx(80 * 1.6 / 1.7)


@pytest.mark.parametrize("angle", [0, 15, -40, 180])
def test_points_turn_with_the_face_counter_clockwise(angle):
    options = {"person": 5, "width": 300, "height": 300, "box": (90, 80, 210, 210)}
    _, box, level = draw_photo("sad", rng=np.random.default_rng(7), **options)
    _, same_box, turned = draw_photo("sad", rng=np.random.default_rng(7), angle=angle, **options)
    assert same_box == box
    matrix = cv2.getRotationMatrix2D((150, 145), angle, 1)  # OpenCV turns counter-clockwise too
    assert np.allclose(turned, level @ matrix[:, :2].T + matrix[:, 2], atol=1e-6)


@pytest.mark.parametrize("angle", [0, 25, -60])
@pytest.mark.parametrize("side", [110, 230])
def test_points_lie_where_the_pupils_are_to_a_pixel(angle, side, monkeypatch):
    def bare(who, face, acts, rng, difficulty):  # the eyes' discs alone
        sketch = Sketch()
        for x, y in face.eyes:
            circle = np.linspace(0, 2 * np.pi, 32)
            disc = np.stack([x + 0.05 * np.cos(circle), y + 0.05 * np.sin(circle)], 1)
            sketch.fill(disc, (0, 0, 0))
        return sketch

    from ferkit.drawn.parts import Sketch

    monkeypatch.setattr(drawing, "sketch_person", bare)
    low = (320 - side) / 2
    photo, _, points = draw_photo(
        "fear",
        person=6,
        rng=np.random.default_rng(3),
        width=320,
        height=320,
        box=(low, low, low + side, low + side),
        angle=angle,
        vary=False,
    )
    dark = (photo[..., 0] < 40).astype(np.uint8)
    count, _, _, centres = cv2.connectedComponentsWithStats(dark)
    assert count == 3
    for point in points[:2]:
        assert np.linalg.norm(centres[1:] - point, axis=1).min() < 1


def test_the_whole_drawing_has_dark_pupils_and_a_dark_mouth_line_at_the_points():
    photo, _, points = draw_photo(
        "neutral",
        person=0,
        rng=np.random.default_rng(0),
        width=400,
        height=400,
        vary=False,
        angle=20,
    )
    grey = cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)
    for x, y in points[:2].round().astype(int):
        assert grey[y, x] < 60
    for x, y in points[3:].round().astype(int):
        assert grey[y, x] < 0.75 * np.median(grey[150:250, 150:250])


def test_the_cascade_finds_frontal_faces():
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    found = 0
    for person in range(8):
        photo, (x1, y1, x2, y2), _ = draw_photo(
            EMOTIONS[person],
            person=person,
            rng=np.random.default_rng(person),
            width=240,
            height=240,
        )
        boxes = cascade.detectMultiScale(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), 1.1, 3)
        centre = np.array([(x1 + x2) / 2, (y1 + y2) / 2])
        found += any(np.abs(b[:2] + b[2:] / 2 - centre).max() < 20 for b in boxes)
    assert found >= 7


def test_the_same_settings_draw_the_same_faces(small):
    again = read_drawn(root="elsewhere", **SMALL)
    assert np.array_equal(again.images, small.images)
    assert again.frame.equals(small.frame)
    assert again.fingerprint == small.fingerprint


def test_another_seed_draws_other_people(small):
    other = read_drawn(seed=1, **SMALL)
    assert other.fingerprint != small.fingerprint
    assert not np.array_equal(other.images, small.images)


def test_images_belong_to_their_rows(small):
    row = small.frame.iloc[150]
    number = 150  # keys are sorted as train, val, test are not: test is before train
    assert row["key"] == "train/000115"
    drawn = draw_face(
        row["label"],
        person=int(row["subject"][1:]),
        rng=np.random.default_rng([0, 115]),
    )
    assert np.array_equal(small.images[number], drawn)


def test_splits_have_people_of_their_own(small):
    people = small.frame.groupby("split")["subject"].agg(set)
    assert set(people.index) == {"train", "val", "test"}
    assert len(people["train"] | people["val"] | people["test"]) == SMALL["people"]
    assert not people["train"] & people["val"]
    assert not people["train"] & people["test"]
    assert not people["val"] & people["test"]


def test_classes_stand_as_in_fer2013(small):
    assert small.emotions == CLASSES
    counts = small.frame.groupby("split")["label"].value_counts()
    assert counts["train"].sum() == 140
    share = np.array([counts["train"][e] for e in CLASSES]) / 140
    assert np.abs(share - np.array(FER2013_TRAINING) / sum(FER2013_TRAINING)).max() < 0.04
    assert counts["val"]["disgust"] >= 1


def test_the_default_counts_are_fer2013s_proportions():
    counts = np.array(largest_remainder(4000, FER2013_TRAINING))
    assert counts.sum() == 4000
    assert np.abs(counts - 4000 * np.array(FER2013_TRAINING) / 28709).max() < 1
    assert counts[CLASSES.index("disgust")] == 61


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"val": 3}, "dataset.val=3"),
        ({"people": 2}, "dataset.people=2"),
        ({"size": 4}, "dataset.size=4"),
        ({"difficulty": -1}, "difficulty=-1"),
        ({"seed": -1}, "dataset.seed=-1"),
    ],
)
def test_what_cannot_be_drawn_is_said(options, says):
    with pytest.raises(ConfigError, match=says):
        read_drawn(**{**SMALL, **options})


def test_the_fake_says_that_nothing_is_read(tmp_path):
    fake.make(tmp_path / "drawn", people=2)
    assert "reads no files" in (tmp_path / "drawn" / "README.txt").read_text()


def test_a_folder_of_data_without_its_dataset_is_refused(ferkit, tmp_path):
    (tmp_path / "photos" / "happy").mkdir(parents=True)
    for words in (["train"], ["data", "check"], ["train", "--dry-run"]):
        code, _, err = ferkit(*words, "dataset.root=photos")
        assert code == 2 and "dataset=folder" in err, err
    assert not (tmp_path / "outputs").exists()
