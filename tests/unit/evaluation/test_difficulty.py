import pytest

from ferkit.errors import DataError
from ferkit.evaluation.difficulty import accuracy_by_difficulty, difficulty_of_faces, easy_fractions


@pytest.fixture
def repeats(make_predictions):
    """Three repeats; face k0000 right in all, k0001 in two, k0002 in none."""
    frames = [make_predictions(n=60) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame["label"] = ["angry", "disgust"] * 30
        frame["predicted"] = frame["label"]
        frame.loc[1, "predicted"] = "angry" if number == 0 else "disgust"
        frame.loc[2, "predicted"] = "happy"
    return [frames[0], frames[1].sample(frac=1, random_state=0), frames[2]]


def test_difficulty_is_how_often_a_face_was_right(repeats):
    difficulty = difficulty_of_faces(repeats).set_index("key")
    assert difficulty.loc[["k0000", "k0001", "k0002"], "fraction_right"].tolist() == pytest.approx(
        [1, 2 / 3, 0]
    )
    assert (difficulty["times"] == 3).all()


def test_the_threshold_parts_easy_from_difficult(repeats):
    difficulty = difficulty_of_faces(repeats)
    shares = easy_fractions(difficulty, 0.7).set_index("label")
    assert shares.loc["angry", "fraction_easy"] == pytest.approx(29 / 30)  # less k0002
    assert shares.loc["disgust", ["easy", "faces"]].tolist() == [29, 30]  # less k0001
    assert easy_fractions(difficulty, 2 / 3).set_index("label").loc["disgust", "fraction_easy"] == 1


def test_a_model_is_judged_on_either_half(repeats, make_predictions):
    difficulty = difficulty_of_faces(repeats)
    model = repeats[0].iloc[:10].assign(predicted=repeats[0]["label"].iloc[:10])
    model.loc[0, "predicted"] = "sad"
    assert accuracy_by_difficulty(model, difficulty, 0.7) == {"easy": (7, 8), "difficult": (2, 2)}
    with pytest.raises(DataError, match="None of the predicted faces"):
        accuracy_by_difficulty(model.assign(key="other"), difficulty, 0.5)


def test_repeats_of_other_faces_are_refused(repeats):
    with pytest.raises(DataError, match="did not predict the same rows"):
        difficulty_of_faces([repeats[0], repeats[1].iloc[:-1]])
