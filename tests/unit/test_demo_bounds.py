"""What the page accepts and how much it stores: paths, limits, the queue, the answer store, temporary files."""

import argparse
import itertools
import os
import time

import numpy as np
import pytest

from demo.actions.copy_for_player import make_copy
from demo.api import _uploaded
from demo.files.playable_copy import unplayable, watchable_copy
from demo.files.temp_folder import keep_small, own_folder, shrink
from demo.files.video_root import checked_root, list_videos, resolve_under
from demo.jobs.answer_store import AnswerStore, StoredAnswer
from demo.jobs.cancellation import CancellationTokens
from demo.jobs.queue import QueueFull, QueuePosition, RunQueue
from demo.limits import Limits, add_limit_arguments, limits_from_args
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


def test_the_queue_is_first_come_first_served_and_bounded():
    queue = RunQueue(max_waiting=2)
    first, second, third = queue.join(), queue.join(), queue.join()
    assert [queue.ahead(ticket) for ticket in (first, second, third)] == [0, 1, 2]
    with pytest.raises(QueueFull, match="2 waiting"):
        queue.join()
    queue.leave(second)  # gave up
    assert queue.ahead(third) == 1
    queue.leave(first)
    assert queue.ahead(third) == 0
    assert queue.ahead(queue.join()) == 1
    assert "1 run comes before" in QueuePosition(1).message
    assert "2 runs come before" in QueuePosition(2).message


def answer(size: int = 0) -> StoredAnswer:
    return StoredAnswer(Trace("q", keyframes=[np.zeros((size, 1, 3), np.uint8)]))


def test_the_answer_store_returns_an_entry_only_for_its_key_and_stays_small():
    store = AnswerStore(max_entries=2)
    one, two = answer(), answer()
    key_one, key_two = store.put(one), store.put(two)
    assert store.get(key_one) is one
    assert len(key_one) >= 20
    assert store.get("guess") is None
    assert store.get(None) is None
    key_three = store.put(answer())
    assert store.get(key_two) is None  # the least recently used
    store.put(answer(), replaces=key_three)
    assert len(store) == 2
    store.drop(key_one)
    store.drop(None)
    assert len(store) == 1


def test_the_answer_store_is_bounded_in_bytes_but_keeps_the_newest():
    store = AnswerStore(max_entries=100, max_bytes=1000)
    first, second = store.put(answer(200)), store.put(answer(200))  # 600 bytes each
    assert store.get(first) is None
    assert store.get(second)
    assert store.get(store.put(answer(2000)))


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


def test_a_cancelled_copy_leaves_nothing_behind(tmp_path):
    write_video(tmp_path / "film.mp4", [np.full((64, 64, 3), 9, np.uint8)] * 80, fps=1)  # 160 pictures: 3 batches
    looks = itertools.chain([True], itertools.repeat(False))
    assert watchable_copy(str(tmp_path / "film.mp4"), tmp_path, lambda: next(looks)) is None
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    copied = make_copy("token", str(tmp_path / "film.mp4"), tmp_path, lambda: True)
    assert copied.token == "token"
    assert open_video(copied.path).duration == pytest.approx(80, abs=1)
    (tmp_path / "notes.mp4").write_text("no video")
    assert "notes.mp4" in make_copy("token", str(tmp_path / "notes.mp4"), tmp_path, lambda: True).fault


def test_a_token_is_active_until_it_is_cancelled_or_replaced():
    tokens = CancellationTokens()
    assert None not in tokens
    first, other = tokens.issue(), tokens.issue()
    assert first in tokens
    second = tokens.issue(replacing=first)
    assert first not in tokens
    assert second in tokens
    tokens.cancel(second)
    tokens.cancel(second)
    tokens.cancel(None)
    assert second not in tokens
    assert other in tokens


def test_the_endpoints_open_uploads_alone(tmp_path, monkeypatch):
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (uploads / "film.mp4").write_bytes(b"film")
    (uploads / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    assert _uploaded({"path": str(uploads / "film.mp4")}) == str(uploads / "film.mp4")
    for path in (tmp_path / "secret.mp4", uploads / "link.mp4", uploads / ".." / "secret.mp4", "file:///etc/passwd"):
        with pytest.raises(QuestionError, match="handle_file"):
            _uploaded({"path": str(path)})
    for video in (None, "film.mp4", {}, {"path": 3}, {"path": "a\0b"}):
        with pytest.raises(QuestionError, match="handle_file"):
            _uploaded(video)
