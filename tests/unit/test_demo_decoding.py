"""A file that breaks a decoder does not break the page: what visitors bring is decoded outside of its process."""

import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from demo.files.open_video import open_isolated
from demo.files.playable_copy import watchable_copy
from demo.jobs.engine import Engine
from demo.jobs.pipeline_jobs import answer_events
from demo.jobs.request import QuestionRequest
from msjoe.errors import UserError, VideoError
from tests.videos import encode

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
QUESTION, OPTIONS = "What was shown first?", ["a star", "a ring"]


def decoding_processes() -> list[int]:
    """Children of this process that decode."""
    children = [int(pid) for task in Path("/proc/self/task").iterdir() for pid in _words(task / "children")]
    return [pid for pid in children if "msjoe.video" in Path(f"/proc/{pid}/cmdline").read_text()]


def _words(file: Path) -> list[str]:
    return file.read_text().split()


def crash() -> None:
    """What becomes of a process whose decoder breaks."""
    processes = decoding_processes()
    assert processes, "the page decodes in its own process, which would be gone now"
    for pid in processes:
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def film(tmp_path) -> Path:
    return encode(tmp_path / "film.mp4", range(0, 40_400, 50))  # 404 seconds


def test_a_crash_in_the_dense_pass_ends_a_run_in_words_and_the_next_one_answers(film, models, tmp_path):
    asked = QuestionRequest(str(film), QUESTION, OPTIONS, budget=4, dense_fps=4)
    engine = Engine()
    engine.start(lambda: models)
    events = engine.stream(lambda models: answer_events(models, asked))
    next(e for e in events if getattr(e, "step", "") == "similarity" and 0 < e.fraction < 1)
    crash()
    with pytest.raises(VideoError) as told:
        list(events)
    assert "film.mp4" in str(told.value)
    assert "crashed (SIGKILL)" in str(told.value)
    *_, last = engine.stream(lambda models: answer_events(models, asked))
    assert last.step == "done"
    assert last.trace.answer_reply


def test_a_copy_for_the_player_ends_in_words_too(film, tmp_path):
    looks = []

    def crash_once() -> bool:
        if not looks:
            crash()
        looks.append(True)
        return True

    with pytest.raises(UserError):
        watchable_copy(str(film), tmp_path, crash_once)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mp4"]
    assert watchable_copy(str(film), tmp_path)


BOMB = """
import re, sys
from pathlib import Path
from demo.files.open_video import open_isolated
from msjoe.errors import UserError
peak = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) >> 10  # MB
before = peak()
try:
    print(sum(len(part) for part in open_isolated(sys.argv[1], float("inf")).dense(1, 224)), "frames")
except UserError as e:
    print(e)
print(peak() - before)
"""


def test_a_hundred_bytes_that_swell_to_a_gigabyte_do_not_swell_the_page(tmp_path):
    """A GIF of three pictures with 8,000 x 8,000 pixels each, of which one is stored."""
    shown = b"\x21\xf9\x04\x00\x64\x00\x00\x00\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0x80)
    shown += b"\x00\x00\x00\xff\xff\xff\x02\x02\x44\x01\x00"
    bomb = tmp_path / "bomb.gif"
    bomb.write_bytes(b"GIF89a" + struct.pack("<HHBBB", 8000, 8000, 0, 0, 0) + 3 * shown + b"\x3b")
    done = subprocess.run([sys.executable, "-c", BOMB, str(bomb)], capture_output=True, text=True, check=True)
    *_, said, grown = done.stdout.splitlines()
    assert int(grown) < 100, f"{grown} MB more for: {said}"


def test_a_file_is_opened_by_the_page_outside_of_its_process(film):
    open_isolated(str(film), max_minutes=60)
    assert decoding_processes()
