"""Listing and opening videos under the folder of --videos agree."""

import pytest

from demo.files.video_root import checked_root, list_videos, resolve_under
from msjoe.errors import VideoError


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "videos"
    for folder in (root / "more", root / ".cache"):
        folder.mkdir(parents=True)
    for path in (root / "film.mp4", root / "more" / "b.mkv", root / ".hidden.mp4", root / ".cache" / "c.mp4"):
        path.write_bytes(b"film")
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (root / "link-in.mp4").symlink_to(root / "more" / "b.mkv")
    (root / "link-out.mp4").symlink_to(tmp_path / "secret.mp4")
    (root / "loop.mp4").symlink_to(root / "loop.mp4")
    (root / "nowhere.mp4").symlink_to(root / "none.mp4")
    return checked_root(root)


def test_what_is_listed_can_be_opened(root):
    listed = list_videos(root)
    assert listed == ["film.mp4", "link-in.mp4", "more/b.mkv"]
    assert [resolve_under(root, path).is_file() for path in listed] == [True] * 3


@pytest.mark.parametrize("typed", [".hidden.mp4", ".cache/c.mp4", "more/../.hidden.mp4", "link-out.mp4", "loop.mp4"])
def test_what_is_not_listed_is_not_opened(root, typed):
    with pytest.raises(VideoError):
        resolve_under(root, typed)
