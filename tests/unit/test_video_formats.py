"""Which of FFmpeg's demuxers may read a file: an allow-list, on which none is that opens other files."""

import shutil

import av
import pytest
from PIL import Image

from msjoe.errors import VideoError
from msjoe.video import open_video
from msjoe.video.container import FORMATS, PROTOCOLS
from tests.videos import encode, pattern

# Demuxers that open files, addresses or programs that a file names, or that take a name for a pattern.
OPEN_OTHERS = {
    "applehttp", "avisynth", "bluray", "concat", "dash", "dvdvideo", "gif_pipe", "hls", "image2", "image2pipe", "imf",
    "lavfi", "libgme", "libopenmpt", "rtp", "rtsp", "sap", "sdp", "subviewer", "tty", "vapoursynth", "vobsub",
    "webm_dash_manifest",
}  # fmt: skip


def test_no_demuxer_that_opens_other_files_is_let_in():
    assert not OPEN_OTHERS & set(FORMATS.split(","))
    assert PROTOCOLS == "file"
    assert {"mp4", "matroska", "webm", "mov", "avi", "mpegts"} <= set(FORMATS.split(","))


@pytest.mark.parametrize("name", ["a.nut", "a.mkv", "a.ts", "a.mp4"])
def test_a_demuxer_that_is_not_on_the_list_is_refused(name, tmp_path, monkeypatch):
    """Not only those that somebody thought of."""
    film = encode(tmp_path / name, range(0, 40, 4))
    fresh = shutil.copy(film, tmp_path / f"fresh-{name}")  # nothing is known of it yet
    assert open_video(film).duration > 0
    with av.open(str(film)) as container:
        names = set(container.format.name.split(","))
    left = ",".join(name for name in FORMATS.split(",") if name not in names)
    monkeypatch.setattr("msjoe.video.container.FORMATS", left)
    with pytest.raises(VideoError):
        open_video(fresh)


def test_pictures_named_like_a_pattern_are_not_read_as_one(tmp_path):
    for i in range(3):
        Image.fromarray(pattern(i)).save(tmp_path / f"frame{i}.png")
    (tmp_path / "frame%d.png").write_bytes((tmp_path / "frame0.png").read_bytes())
    with pytest.raises(VideoError):
        open_video(tmp_path / "frame%d.png")
