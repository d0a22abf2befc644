"""lmms-eval brings an older PyAV: files are read there as with the newest."""

import av
import pytest

from msjoe.errors import VideoError
from msjoe.video import open_video
from tests import fuzz
from tests.videos import encode


def test_the_harness_does_bring_an_older_one():
    assert int(av.__version__.split(".")[0]) < 16


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return fuzz.samples(tmp_path_factory.mktemp("sound"))


@pytest.mark.parametrize("name", fuzz.FORMATS)
def test_every_format_is_read(sound, name, tmp_path):
    (tmp_path / name).write_bytes(sound[name])
    assert fuzz.length_of(tmp_path / name) == pytest.approx(fuzz.SECONDS, abs=0.2)


def test_the_last_frame_lasts_as_long_as_the_header_says(tmp_path):
    assert open_video(encode(tmp_path / "b_frames.mp4", range(0, 400, 4))).duration == pytest.approx(4.0)


def test_a_colour_matrix_that_is_not_known_is_refused(tmp_path):
    path = encode(tmp_path / "tagged.mp4", [0, 4, 8], **{"x264-params": "colormatrix=YCgCo"})
    with pytest.raises(VideoError, match="colour matrix 8"):
        open_video(path).frames_at([0])
