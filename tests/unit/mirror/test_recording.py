"""Recordings that end otherwise than by the button: deleted while they run, odd pieces, limits."""

import time
from pathlib import Path

import pytest

from ferkit.mirror.settings import Limits


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not (met := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return met


def begin(page):
    page.say("record")
    return page.wait("recording")


def end(page):
    page.say("record-stop")
    return page.wait("recording")


def test_one_that_is_deleted_while_it_runs_leaves_nothing(open_mirror, jpegs):
    with open_mirror() as mirror, mirror.page() as page:
        key = begin(page)["key"]
        page.frame(1, jpegs[0])
        mirror.client.put(f"/kept/{key}/video.webm?at=0", content=b"abc")
        assert mirror.client.delete(f"/kept/{key}").status_code == 200
        page.frame(2, jpegs[1])
        assert end(page)["state"] == "deleted"
        assert not mirror.out.exists()
        assert begin(page)["state"] == "on"  # and the next one is whole
        page.frame(3, jpegs[2])
        assert end(page)["files"] == ["faces.csv", "faces.parquet"]


def test_what_others_put_beside_recordings_stays(open_mirror):
    with open_mirror() as mirror, mirror.page() as page:
        mirror.out.mkdir()
        (mirror.out / "mine.txt").write_text("mine")
        key = begin(page)["key"]
        end(page)
        mirror.client.delete(f"/kept/{key}")
        assert [path.name for path in mirror.out.iterdir()] == ["mine.txt"]


def test_the_video_of_a_page_that_goes_is_kept_up_to_there(open_mirror, jpegs):
    with open_mirror() as mirror, mirror.page() as page:
        begun = begin(page)
        page.frame(1, jpegs[0])
        mirror.client.put(f"/kept/{begun['key']}/video.webm?at=0", content=b"abc")
    folder = Path(begun["folder"])
    assert until(lambda: names(folder) == ["faces.csv", "faces.parquet", "video.webm"])
    assert (folder / "video.webm").read_bytes() == b"abc"


@pytest.mark.parametrize("at", ["x", "-1", "", "1e3", "0x1", "+1", "9" * 5000, "\u0661", "1"])
def test_a_piece_that_begins_elsewhere_is_refused_in_a_sentence(open_mirror, at):
    with open_mirror() as mirror, mirror.page() as page:
        path = f"/kept/{begin(page)['key']}/video.webm"
        response = mirror.client.put(path, params={"at": at}, content=b"abc")
        assert response.status_code == 422
        assert response.json()["sentence"].endswith(".")


def test_a_video_has_a_limit(open_mirror):
    with open_mirror(limits=Limits(recording=1000)) as mirror, mirror.page() as page:
        path = f"/kept/{begin(page)['key']}/video.webm"
        assert mirror.client.put(f"{path}?at=0", content=bytes(600)).status_code == 200
        assert mirror.client.put(f"{path}?at=600", content=bytes(600)).status_code == 422


@pytest.mark.parametrize("name", ["..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", ".video.webm"])
def test_no_file_outside_the_folder_is_served(open_mirror, jpegs, name):
    with open_mirror() as mirror, mirror.page() as page:
        key = begin(page)["key"]
        page.frame(1, jpegs[0])
        end(page)
        assert mirror.client.get(f"/kept/{key}/{name}").status_code in (404, 422)
        assert mirror.client.get(f"/kept/{key}/faces.csv").status_code == 200
