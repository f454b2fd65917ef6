"""Videos and folders of frames, whole, turned and broken."""

import struct

import cv2
import numpy as np
import pytest

from ferkit.errors import DataError
from ferkit.faces.videos import count_frames, frame_files, frame_times, read_frames

COUNT, HEIGHT, WIDTH = 12, 64, 96


def grey_of(number):
    return 20 + 18 * (number % 13)


def write_video(path, codec, count=COUNT):
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 20, (WIDTH, HEIGHT))
    assert video.isOpened()
    for number in range(count):
        frame = np.full((HEIGHT, WIDTH, 3), grey_of(number), np.uint8)
        frame[: HEIGHT // 2, : WIDTH // 2] = (0, 0, 250)  # red, upper left
        video.write(frame)
    video.release()
    return path


def numbers_seen(frames):
    return {n: round((float(f[40:60, 50:90].mean()) - 20) / 18) for n, f in frames.items()}


@pytest.fixture(params=[("video.avi", "MJPG"), ("video.mp4", "mp4v")], ids=["avi", "mp4"])
def video(request, tmp_path):
    name, codec = request.param
    return write_video(tmp_path / name, codec)


def test_the_asked_frames_come_and_no_others(video):
    frames = read_frames(video, [7, 0, 3, 11])
    assert numbers_seen(frames) == {0: 0, 3: 3, 7: 7, 11: 11}
    assert frames[0].shape == (HEIGHT, WIDTH, 3)
    red, green, blue = frames[0][:24, :40].reshape(-1, 3).mean(0)
    assert red > 200
    assert max(green, blue) < 60


def test_frames_are_counted_and_timed(video):
    assert count_frames(video) == COUNT
    assert np.allclose(frame_times(video), np.arange(COUNT) / 20, atol=0.002)


def test_numbers_beyond_the_end_are_missing(video):
    assert set(read_frames(video, [2, 99, -1])) == {2}
    assert read_frames(video, []) == {}


def test_a_broken_tail_leaves_what_was_before_it(tmp_path):
    whole = write_video(tmp_path / "video.avi", "MJPG", 40)
    data = whole.read_bytes()
    broken = tmp_path / "broken.avi"
    broken.write_bytes(data[: len(data) // 2])
    count = count_frames(broken)
    assert 5 < count < 40
    assert set(read_frames(broken, range(40))) == set(range(count))


def test_a_turned_video_is_turned_upright(tmp_path):
    path = write_video(tmp_path / "video.mp4", "mp4v")
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40  # version 0: the matrix follows 40 bytes of fields
    assert struct.unpack(">9i", data[place : place + 36])[0] == 1 << 16
    clockwise = [0, 1 << 16, 0, -(1 << 16), 0, 0, HEIGHT << 16, 0, 1 << 30]
    data[place : place + 36] = struct.pack(">9i", *clockwise)
    path.write_bytes(data)
    frame = read_frames(path, [0])[0]
    assert frame.shape == (WIDTH, HEIGHT, 3)
    assert frame[:40, 40:, 0].mean() > 200  # upper left went to the upper right


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"no video\n" * 40, "not a video"), (b"RIFF\0\0\0\0AVI LIST", "video")],
)
def test_what_is_no_video_is_said(tmp_path, content, words):
    path = tmp_path / "video.avi"
    path.write_bytes(content)
    for read in (count_frames, lambda video: read_frames(video, [0])):
        with pytest.raises(DataError, match=words) as caught:
            read(path)
        assert "\n" not in str(caught.value)


def test_a_video_without_frames_is_said(tmp_path):
    path = write_video(tmp_path / "video.avi", "MJPG", 0)
    with pytest.raises(DataError, match="video"):
        count_frames(path)
    with pytest.raises(DataError, match="no such video"):
        count_frames(tmp_path / "none.avi")


def test_a_hundred_mutated_videos_raise_nothing_else(tmp_path):
    data = write_video(tmp_path / "video.avi", "MJPG").read_bytes()
    rng = np.random.default_rng(2)
    path = tmp_path / "mutated.avi"
    for _ in range(100):
        mutated = bytearray(data[: int(rng.integers(1, len(data)))])
        for place in rng.integers(0, len(mutated), 8):
            mutated[place] = int(rng.integers(256))
        path.write_bytes(mutated)
        try:
            frames = read_frames(path, range(COUNT))
        except DataError:
            continue
        assert all(frame.ndim == 3 for frame in frames.values())


def test_a_folder_of_frames_is_a_video_in_natural_order(tmp_path):
    for number in (1, 2, 10):
        cv2.imwrite(str(tmp_path / f"frame{number}.png"), np.full((8, 9), number, np.uint8))
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / "._frame1.png").write_text("none")
    assert [file.stem for file in frame_files(tmp_path)] == ["frame1", "frame2", "frame10"]
    assert count_frames(tmp_path) == 3
    frames = read_frames(tmp_path, [2, 0, 7])
    assert {number: int(frame[0, 0, 0]) for number, frame in frames.items()} == {0: 1, 2: 10}


def test_an_empty_folder_and_one_of_broken_frames(tmp_path):
    with pytest.raises(DataError, match="without frames"):
        count_frames(tmp_path)
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match=r"a\.png"):
        read_frames(tmp_path, [0])
