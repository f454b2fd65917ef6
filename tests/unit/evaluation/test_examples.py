import pandas as pd

from ferkit.evaluation.examples import choose_examples, frequent_confusions


def frame():
    rows = [
        ("a", "sad", "fear", 0.5),
        ("b", "sad", "fear", 0.9),
        ("c", "sad", "fear", 0.9),
        ("d", "fear", "sad", 0.8),
        ("e", "happy", "sad", 0.7),
        ("f", "sad", "sad", 1.0),
        ("g", "happy", "happy", 1.0),
        ("h", "", "happy", 1.0),
    ]
    table = pd.DataFrame(rows, columns=["key", "label", "predicted", "p"])
    for name in ("fear", "happy", "sad"):
        table[f"p_{name}"] = table["p"].where(table["predicted"] == name, 1 - table["p"])
    return table.drop(columns="p").assign(view="val")


def test_confusions_are_ranked_by_count_then_by_share():
    found = frequent_confusions(frame())
    assert found.to_dict("list") == {
        "label": ["sad", "fear", "happy"],
        "predicted": ["fear", "sad", "sad"],
        "count": [3, 1, 1],
        "share": [0.75, 1.0, 0.5],
    }


def test_the_surest_mistakes_of_the_frequent_confusions_come_first():
    found = choose_examples(frame(), pairs=2, per_pair=2)
    assert list(found["key"]) == ["b", "c", "d"]
    assert list(found["confidence"]) == [0.9, 0.9, 0.8]
    assert list(found["predicted"]) == ["fear", "fear", "sad"]
    assert list(found["view"]) == ["val"] * 3


def test_no_mistake_gives_an_empty_frame():
    right = frame().query("label == predicted")
    found = choose_examples(right)
    assert found.empty
    assert list(found.columns) == ["key", "view", "label", "predicted", "confidence"]
