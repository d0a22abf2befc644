"""What the page lets in, and how much it keeps: paths, limits, lines, shelves."""

import argparse
import itertools
import os
import time

import numpy as np
import pytest

from demo.api import _uploaded
from demo.copying import make_copy
from demo.limits import Limits, add_limit_arguments, limits_from_args
from demo.line import Busy, Line, Waiting
from demo.places import checked_root, list_videos, resolve_under
from demo.playing import unplayable, watchable_copy
from demo.shelf import Kept, Shelf
from demo.temporary import keep_small, own_folder, shrink
from demo.wanted import Wanted
from msjoe.errors import QuestionError, UserError, VideoError
from msjoe.trace import Trace
from msjoe.video import open_video, write_video


@pytest.fixture
def root(tmp_path):
    """videos/ with a film, a folder and links that lead out of it; secret.mp4 lies beside it."""
    root = tmp_path / "videos"
    (root / "more").mkdir(parents=True)
    (root / "film.mp4").write_bytes(b"film")
    (root / "more" / "other.MKV").write_bytes(b"film")
    (root / "notes.txt").write_text("no video")
    (root / ".hidden.mp4").write_bytes(b"film")
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (root / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    (root / "out").symlink_to(tmp_path)
    (root / "circle.mp4").symlink_to(root / "circle.mp4")
    return checked_root(root)


def test_videos_under_the_root_are_found(root):
    assert resolve_under(root, "film.mp4") == root / "film.mp4"
    assert resolve_under(root, "more/../film.mp4") == root / "film.mp4"
    assert resolve_under(root, "more/other.MKV") == root / "more" / "other.MKV"
    assert {"film.mp4", "more/other.MKV"} <= set(list_videos(root))
    assert not {"notes.txt", ".hidden.mp4", "out/secret.mp4"} & set(list_videos(root))
    assert len(list_videos(root, most=1)) == 1


@pytest.mark.parametrize(
    "typed",
    [
        "../secret.mp4",
        "more/../../secret.mp4",
        "link.mp4",
        "out/secret.mp4",
        "circle.mp4",
        "/etc/passwd",
        "{absolute}",
        "file:///etc/passwd",
        "file://{absolute}",
        "http://127.0.0.1/film.mp4",
        "~/film.mp4",
        "film.mp4\0.txt",
        "notes.txt",
        "more",
        ".",
        " ",
        "",
        "none.mp4",
        "x" * 5000 + ".mp4",
    ],
)
def test_nothing_outside_the_root_or_no_video_is_opened(root, typed):
    typed = typed.replace("{absolute}", str(root.parent / "secret.mp4"))
    with pytest.raises(VideoError) as refused:
        resolve_under(root, typed)
    assert str(root.parent) not in str(refused.value).replace(typed[:120], "")


def test_even_the_absolute_path_of_a_film_inside_is_refused(root):
    with pytest.raises(VideoError):
        resolve_under(root, str(root / "film.mp4"))


def test_a_root_that_is_no_folder_is_an_error(tmp_path):
    assert checked_root(None) is None
    with pytest.raises(UserError, match="--videos"):
        checked_root(tmp_path / "none")


def test_what_browsers_play_is_told_by_the_codec(tmp_path):
    frames = [np.full((64, 64, 3), 40 * i, np.uint8) for i in range(3)]
    write_video(tmp_path / "film.mp4", frames, fps=1)
    assert unplayable(str(tmp_path / "film.mp4")) == ""
    os.rename(tmp_path / "film.mp4", tmp_path / "film.mkv")
    assert "h264 in .mkv" in unplayable(str(tmp_path / "film.mkv"))
    (tmp_path / "text.mp4").write_text("this is no video\n" * 40)
    assert unplayable(str(tmp_path / "text.mp4")) == ""  # told when it is opened
    assert unplayable(None) == ""


def parsed(*flags: str) -> Limits:
    parser = argparse.ArgumentParser()
    add_limit_arguments(parser)
    return limits_from_args(parser.parse_args(flags))


def test_limits_come_from_flags_then_the_environment_then_defaults(monkeypatch):
    assert parsed() == Limits()
    monkeypatch.setenv("MSJOE_MAX_UPLOAD_MB", "50")
    monkeypatch.setenv("MSJOE_MAX_WAITING", "3")
    assert parsed().max_upload_mb == 50
    assert parsed("--max-upload-mb", "70").max_upload_mb == 70
    told = parsed("--max-minutes", "90", "--cache-hours", "6", "--max-sessions", "12").sentence()
    for words in ("20 GB", "50 MB", "90 min", "3 may wait", "6 h", "12 visits"):
        assert words in told
    monkeypatch.setenv("MSJOE_MAX_MINUTES", "many")
    with pytest.raises(SystemExit):
        parsed()


def test_a_limit_that_allows_nothing_is_an_error():
    with pytest.raises(UserError, match="--max-minutes is 0"):
        Limits(max_minutes=0)
    assert Limits(max_waiting=0).max_waiting == 0


def test_the_line_is_first_come_first_served_and_bounded():
    line = Line(most=2)
    first, second, third = line.join(), line.join(), line.join()
    assert [line.ahead(ticket) for ticket in (first, second, third)] == [0, 1, 2]
    with pytest.raises(Busy, match="2 waiting"):
        line.join()
    line.leave(second)  # gave up
    assert line.ahead(third) == 1
    line.leave(first)
    assert line.ahead(third) == 0
    assert line.ahead(line.join()) == 1
    assert "1 run comes before" in Waiting(1).message
    assert "2 runs come before" in Waiting(2).message


def answer(size: int = 0) -> Kept:
    return Kept(Trace("q", keyframes=[np.zeros((size, 1, 3), np.uint8)]))


def test_a_shelf_gives_back_only_under_the_key_and_stays_small():
    shelf = Shelf(most=2)
    one, two = answer(), answer()
    key_one, key_two = shelf.put(one), shelf.put(two)
    assert shelf.get(key_one) is one
    assert len(key_one) >= 20
    assert shelf.get("guess") is None
    assert shelf.get(None) is None
    key_three = shelf.put(answer())
    assert shelf.get(key_two) is None  # looked at longest ago
    shelf.put(answer(), replaces=key_three)
    assert len(shelf) == 2
    shelf.drop(key_one)
    shelf.drop(None)
    assert len(shelf) == 1


def test_a_shelf_is_bounded_in_bytes_but_keeps_the_latest():
    shelf = Shelf(most=100, most_bytes=1000)
    first, second = shelf.put(answer(200)), shelf.put(answer(200))  # 600 bytes each
    assert shelf.get(first) is None
    assert shelf.get(second)
    assert shelf.get(shelf.put(answer(2000)))


def test_temporary_files_stay_within_their_size_the_oldest_first(tmp_path):
    for i in range(4):
        (tmp_path / f"d{i}").mkdir()
        path = tmp_path / f"d{i}" / "file.mp4"
        path.write_bytes(bytes(100))
        os.utime(path, (1000 + i, 1000 + i))
    os.utime(tmp_path / "d0" / "file.mp4", (5000, 1000))  # looked at lately
    assert {path.parent.name for path in shrink(tmp_path, 250)} == {"d1", "d2"}
    assert (tmp_path / "d0" / "file.mp4").exists()
    assert (tmp_path / "d1").exists()  # empty, but young
    os.utime(tmp_path / "d1", (1000, 1000))
    assert shrink(tmp_path, 250) == []
    assert not (tmp_path / "d1").exists()


def test_the_app_has_a_temporary_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    folder = own_folder()
    assert folder.parent == tmp_path
    assert os.environ["GRADIO_TEMP_DIR"] == str(folder)
    ended = keep_small(folder, 0, every=0.05)
    (folder / "upload.mp4").write_bytes(b"x")
    for _ in range(1000):
        time.sleep(0.05)
        if not (folder / "upload.mp4").exists():
            break
    ended.set()
    assert not (folder / "upload.mp4").exists()


def test_a_copy_to_watch_is_small_and_keeps_the_clock(tmp_path):
    frames = [np.full((301, 401, 3), 20 * i, np.uint8)[:300, :400] for i in range(10)]
    write_video(tmp_path / "film.mp4", frames, fps=1)
    copy = open_video(watchable_copy(str(tmp_path / "film.mp4"), tmp_path))
    assert unplayable(str(copy.path)) == ""
    assert copy.duration == pytest.approx(10, abs=0.6)
    assert (copy.height, copy.width) == (240, 320)
    shown = [picture.mean() for picture in copy.frames_at([0.5, 4.5, 8.5])]
    assert shown == pytest.approx([0, 80, 160], abs=6)


def test_a_copy_that_nobody_waits_for_any_more_leaves_nothing_behind(tmp_path):
    write_video(tmp_path / "film.mp4", [np.full((64, 64, 3), 9, np.uint8)] * 80, fps=1)  # 160 pictures: 3 batches
    looks = itertools.chain([True], itertools.repeat(False))
    assert watchable_copy(str(tmp_path / "film.mp4"), tmp_path, lambda: next(looks)) is None
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    copied = make_copy("key", str(tmp_path / "film.mp4"), tmp_path, lambda: True)
    assert copied.key == "key"
    assert open_video(copied.path).duration == pytest.approx(80, abs=1)
    (tmp_path / "notes.mp4").write_text("no video")
    assert "notes.mp4" in make_copy("key", str(tmp_path / "notes.mp4"), tmp_path, lambda: True).fault


def test_work_is_wanted_until_its_key_is_dropped_or_replaced():
    wanted = Wanted()
    assert None not in wanted
    first, other = wanted.new(), wanted.new()
    assert first in wanted
    second = wanted.new(instead_of=first)
    assert first not in wanted
    assert second in wanted
    wanted.drop(second)
    wanted.drop(second)
    wanted.drop(None)
    assert second not in wanted
    assert other in wanted


def test_the_endpoints_open_uploads_alone(tmp_path, monkeypatch):
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (uploads / "film.mp4").write_bytes(b"film")
    (uploads / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    assert _uploaded({"path": str(uploads / "film.mp4")}) == str(uploads / "film.mp4")
    for path in (tmp_path / "secret.mp4", uploads / "link.mp4", uploads / ".." / "secret.mp4", "file:///etc/passwd"):
        with pytest.raises(QuestionError, match="no uploaded file"):
            _uploaded({"path": str(path)})
    for video in (None, "film.mp4", {}, {"path": 3}, {"path": "a\0b"}):
        with pytest.raises(QuestionError, match="no uploaded file"):
            _uploaded(video)
