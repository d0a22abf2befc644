"""The id of a file changes with every byte in it, and with nothing else."""

import os
import shutil

import numpy as np
import pytest

from msjoe.video import open_video

PADDING = 12 << 20  # bytes of a "free" box, which players pass over


@pytest.fixture
def large(tmp_path, film) -> np.ndarray:
    """The bytes of a sound MP4 of 12 MiB and more."""
    free = (PADDING + 8).to_bytes(4, "big") + b"free" + np.random.default_rng(0).bytes(PADDING)
    return np.frombuffer(film[1].read_bytes() + free, dtype=np.uint8)


def video_id(path, data: np.ndarray) -> str:
    path.write_bytes(data.tobytes())
    return open_video(path).id


@pytest.mark.parametrize(("start", "end"), [(0.15, 0.35), (0.36, 0.4), (0.6, 0.85), (0.2, 0.2 + 1e-7)])
def test_a_preallocated_download_differs_from_the_finished_file(tmp_path, large, start, end):
    """The same size, and zeros where nothing has come yet."""
    hole = large.copy()
    hole[int(start * len(large)) : int(end * len(large)) + 1] = 0
    assert not np.array_equal(hole, large)
    assert video_id(tmp_path / "film.mp4", hole) != video_id(tmp_path / "film.mp4", large)


def test_a_file_that_is_filled_in_place_with_its_old_time_differs(tmp_path, large):
    path = tmp_path / "film.mp4"
    hole = large.copy()
    hole[len(large) // 5 : len(large) // 4] = 0
    path.write_bytes(hole.tobytes())
    os.utime(path, (1e9, 1e9))
    first = [open_video(path).id for _ in range(2)]
    with path.open("r+b") as file:
        file.write(large.tobytes())
    os.utime(path, (1e9, 1e9))
    assert open_video(path).id not in first


def test_the_same_bytes_have_one_id_whatever_their_name_and_time(tmp_path, large):
    first = video_id(tmp_path / "film.mp4", large)
    shutil.copy(tmp_path / "film.mp4", tmp_path / "other.mp4")
    os.utime(tmp_path / "other.mp4", (1e9, 1e9))
    assert [open_video(tmp_path / "other.mp4").id for _ in range(2)] == [first] * 2
