"""Pages and tables of every study against the kept ones in expected/.

The pages are kept whole; of the csv files, which hold more, the sums are kept: of those that the
runs below fill, and of those without a run. A change on purpose renews them:
`FERKIT_RENEW_PAGES=1 pytest tests/unit/studies/test_pages.py` writes them anew.
"""

import hashlib
import json
import os
from pathlib import Path

import pytest

from ferkit.studies.published import read_published, studies

EXPECTED = Path(__file__).parent / "expected"
RUNS = {
    "athanasiadis2022": [
        ("first", ["val", "test"], {"n": 300, "frames": 5}),
        ("second", ["test", "train"], {"n": 300, "frames": 5, "variant": "text"}),
    ],
    "balanescu2020": [
        ("trial08", ["val", "public", "ckplus"], {}),
        ("trial08", ["val", "private"], {"variant": "honest", "trainer": {"max_epochs": 3}}),
    ],
    "ghafourian2021": [
        ("vgg16", ["test"], {}),
        ("vgg16_smotetomek", ["test", "resampled_test"], {}),
        ("resnet50_smotetomek", ["test"], {"variant": "honest"}),
    ],
    "kurmi2022": [
        ("sequential_cnn", ["public_and_private"], {}),
        ("sequential_cnn_as_coded", ["public_and_private", "train"], {}),
        ("smote", ["val"], {"trainer": {"max_epochs": 3}}),
    ],
    "tekula2023": [
        ("base", ["val", "test"], {"epochs": 12, "trainer": {"batch_size": 32}}),
        ("tta", ["test"], {"tta": "random_k", "variant": "official"}),
    ],
}


def table_sums(folder):
    return {
        path.stem: hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        for path in sorted(folder.glob("*.csv"))
    }


@pytest.mark.parametrize("study", studies())
def test_the_page_and_the_tables_are_the_kept_ones(
    report, empty_report, make_run, no_pictures, study
):
    empty = table_sums(empty_report(study))
    emotions = read_published(study)["labels"]
    for trial, views, drawn in RUNS[study]:
        make_run(study, trial, views, emotions=emotions, **drawn)
    folder = report(study)
    page = (folder / f"{study}.md").read_text(encoding="utf-8")
    sums = {"without_runs": empty, "with_runs": table_sums(folder)}
    kept, kept_sums = EXPECTED / f"{study}.md", EXPECTED / f"{study}.json"
    if os.environ.get("FERKIT_RENEW_PAGES"):
        kept.write_text(page, encoding="utf-8")
        kept_sums.write_text(json.dumps(sums, indent=1) + "\n", encoding="utf-8")
    assert page.splitlines() == kept.read_text(encoding="utf-8").splitlines()
    assert sums == json.loads(kept_sums.read_text(encoding="utf-8"))
