"""What visitors upload reaches no program that follows play lists: the page with forged events, over HTTP."""

import json
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import av
import httpx
import numpy as np
import pytest

from demo.browse.find_video import VideoFinder
from demo.examples import load_examples
from demo.jobs.engine import Engine
from demo.limits import Limits
from demo.page import PageOptions, build
from demo.ui.page_frame import launch_options
from msjoe.trace import Trace
from msjoe.video import write_video
from tests.videos import encode

RED = np.array([250, 0, 0], np.uint8)  # the colour of the film that nobody may see

HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:20\n#EXTINF:20,\nfile://{secret}\n#EXT-X-ENDLIST\n"
DASH = (
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT20S" '
    'profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period><AdaptationSet mimeType="video/mp4">'
    '<Representation id="1" bandwidth="9000"><BaseURL>file://{secret}</BaseURL></Representation>'
    "</AdaptationSet></Period></MPD>"
)
SDP = (
    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=film\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\n"
)
SMIL = '<smil><body><video src="file://{secret}"/></body></smil>\n'
IMF = (
    '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">'
    "<Id>urn:uuid:2b6dc6a0-0a4e-4c6b-8f0e-6a8f5d0f6a11</Id></CompositionPlaylist>"
)
VOBSUB = "# VobSub index file, v7 (do not modify this line!)\nid: en, index: 0\ntimestamp: 00:00:01:000, filepos: 0\n"

PLAYLISTS = {
    "hls.mkv": HLS,
    "hls.m3u8": HLS,
    "hls.mp4": HLS,
    "hls.ts": HLS,
    "list.ffconcat": "ffconcat version 1.0\nfile {secret}\n",
    "concat.mp4": "ffconcat version 1.0\nfile {secret}\n",
    "dash.mpd": DASH,
    "dash.mp4": DASH,
    "session.sdp": SDP,
    "session.mp4": SDP,
    "winamp.pls": "[playlist]\nFile1={secret}\nNumberOfEntries=1\nVersion=2\n",
    "list.txt": "{secret}\n",
    "list.asx": '<asx version="3.0"><entry><ref href="file://{secret}"/></entry></asx>\n',
    "list.smil": SMIL,
    "cpl.xml": IMF,
    "script.avs": 'FFVideoSource("{secret}")\n',
    "script.vpy": "import vapoursynth as vs\nvs.core.ffms2.Source('{secret}').set_output()\n",
    "frame%d.png": "no picture",
    "titles.idx": VOBSUB,
}


@pytest.fixture(scope="module")
def secret(tmp_path_factory) -> Path:
    """A red film of somebody else on this machine."""
    path = tmp_path_factory.mktemp("elsewhere") / "secret.ts"
    write_video(path.with_suffix(".mp4"), [np.broadcast_to(RED, (48, 64, 3))] * 20, fps=1)
    with av.open(str(path.with_suffix(".mp4"))) as film, av.open(str(path), "w") as copy:
        stream = copy.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(video=0):
            if packet.size:
                packet.stream = stream
                copy.mux(packet)
    return path


class Visitor:
    """Speaks to the page as a browser does, and says what it likes. ``uploads`` is where the page keeps files."""

    def __init__(self, page, address: str, uploads: Path) -> None:
        self.page, self.address, self.uploads, self.session = page, address, uploads, secrets.token_hex(5)

    def upload(self, file: Path) -> dict:
        with file.open("rb") as content:
            answer = httpx.post(f"{self.address}gradio_api/upload", files={"files": (file.name, content)}, timeout=60)
        (path,) = answer.raise_for_status().json()
        return {"path": path, "orig_name": file.name, "meta": {"_type": "gradio.FileData"}}

    def turn(self, choice: dict, video: dict | None) -> str:
        """Sends a ``turn`` event; gives the whole reply as text."""
        event = next(f for f in self.page.fns.values() if ("turn" in {name for _, name in f.targets}) and f.fn)
        data = [None] * len(event.inputs)
        data[:2] = [choice, video]
        sent = {"data": data, "fn_index": event._id, "session_hash": self.session}
        return httpx.post(f"{self.address}gradio_api/run/predict", json=sent, timeout=120).text


@pytest.fixture(scope="module")
def visitor(tmp_path_factory) -> Iterator[Visitor]:
    uploads = tmp_path_factory.mktemp("uploads")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(uploads))
        page = build(Engine(), load_examples(), PageOptions(embedded=True))
        page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, **launch_options(Limits()))
        yield Visitor(page, page.local_url, uploads)
        page.close()


@pytest.fixture
def called(visitor, tmp_path, monkeypatch) -> Path:
    """A file that names each run of ffmpeg or ffprobe by this process; they work as ever."""
    note, tools = tmp_path / "called", tmp_path / "tools"
    tools.mkdir()
    for name in ("ffmpeg", "ffprobe"):
        real = shutil.which(name)
        if real is None:
            pytest.skip(f"no {name} on this machine, so nothing could follow a play list")
        (tools / name).write_text(f'#!/bin/sh\necho "{name} $@" >> {note}\nexec {real} "$@"\n')
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    return note


def red_films(folder: Path) -> list[str]:
    """Names of files with a picture of the secret film in them."""
    return [path.name for path in folder.rglob("*") if path.is_file() and _is_red(path)]


def _is_red(path: Path) -> bool:
    itself = {"protocol_whitelist": "file", "format_whitelist": "mov,mpegts,matroska"}
    try:
        with av.open(str(path), options=itself) as film:
            picture = next(film.decode(video=0)).to_ndarray(format="rgb24")
    except (av.error.FFmpegError, IndexError, StopIteration):
        return False
    return bool(np.abs(picture.mean((0, 1)) - RED).max() < 30)


@pytest.mark.skipif(sys.platform != "linux", reason="watches programs on the path")
@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_play_list_is_refused_and_given_to_no_other_program(name, tmp_path, visitor, secret, called):
    file = tmp_path / name
    file.write_text(PLAYLISTS[name].format(secret=secret))
    sent = visitor.upload(file)
    for value in (True, {"path": str(secret)}, str(secret), False):
        reply = visitor.turn({"kind": "upload", "value": value}, sent)
        assert "cannot be read as a video" in reply
        assert sent["path"] not in reply  # and so is not put into the player
    assert red_films(visitor.uploads) == []
    assert not called.exists(), called.read_text()


def test_a_film_that_is_a_play_list_to_older_programs_is_given_to_none(tmp_path, visitor, secret, called):
    """PyAV reads it as the MPEG stream behind the list; ffmpeg 5 follows the list whatever the file's name is."""
    own = encode(tmp_path / "own.ts", range(0, 400, 4))
    both = tmp_path / "both.ts"
    both.write_bytes(HLS.format(secret=secret).encode() + own.read_bytes())
    sent = visitor.upload(both)
    reply = visitor.turn({"kind": "upload", "value": True}, sent)
    assert "cannot be read" not in reply
    assert red_films(visitor.uploads) == []
    assert not called.exists(), called.read_text()


@pytest.mark.parametrize("name", ["list.ts", "list.mp4"])
def test_the_page_of_traces_shows_no_play_list_either(name, tmp_path, secret):
    (tmp_path / name).write_text(HLS.format(secret=secret))
    served = SimpleNamespace(allowed_paths=[])
    find = VideoFinder(load_examples(), tmp_path, served)
    assert find(Trace(question="What is shown?", options=[], video=name)) is None
    assert served.allowed_paths == []


def test_a_film_that_browsers_play_is_shown_as_it_is(tmp_path, visitor, called):
    film = tmp_path / "film.mp4"
    write_video(film, [np.full((64, 64, 3), 12 * i, np.uint8) for i in range(20)], fps=1)
    sent = visitor.upload(film)
    reply = json.loads(visitor.turn({"kind": "upload", "value": True}, sent))
    shown = [part["path"] for part in reply["data"] if isinstance(part, dict) and "path" in part]
    assert shown == [sent["path"]]
    assert not called.exists(), called.read_text()
