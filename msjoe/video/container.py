"""Opening a file: what it is, which stream is the video, and clear words where there is none."""

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from msjoe.errors import VideoError
from msjoe.video.progress import PROGRESS

logger = logging.getLogger(__name__)

# FFmpeg also opens play lists, which make it read other files and addresses, and plain text. Only
# demuxers of formats that hold their pictures themselves are let in, by FFmpeg's names for them; the
# audio ones for a better message.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,m4v,flv,asf,ogg,gif,mxf,nut,ivf,obu,h264,hevc,"
    "vc1,dv,rm,swf,yuv4mpegpipe,wtv,mp3,wav,flac,aac,amr"
)
PROTOCOLS = "file"  # what a demuxer may open by itself, if one of them ever does
# A title in a broken encoding must not refuse a video. PyAV 19 has no such argument and never refuses.
LENIENT = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}


def checked_path(path: str | Path) -> Path:
    """Return an absolute path to a regular file with content; raises VideoError otherwise.

    Nothing else is read from: a pipe that nobody writes to, and some devices, block for ever.
    """
    absolute = Path(os.path.abspath(path))
    try:
        mode = absolute.stat().st_mode
        if stat.S_ISDIR(mode):
            raise VideoError(f"{absolute.name} is a folder: give a video file")
        if not stat.S_ISREG(mode):
            raise VideoError(f"{absolute.name} is a pipe, socket or device: give a video file")
        with open(absolute, "rb") as file:
            if file.read(1):
                return absolute
    except FileNotFoundError as e:
        raise VideoError(f"there is no file {path}: check the path") from e
    except OSError as e:
        raise VideoError(f"{path} cannot be read ({e}): check the path and its permissions") from e
    raise VideoError(f"{absolute.name} is empty (0 bytes): give a video file; perhaps an upload or download broke off")


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Whatever FFmpeg or the file system raise while a file is read becomes a VideoError."""
    try:
        yield
    except (av.error.FFmpegError, OSError) as e:
        raise VideoError(
            f"{path.name} cannot be read ({e.strerror or e}): if it is still there and whole, convert it to H.264 first"
        ) from e


def open_container(path: Path) -> av.container.InputContainer:
    """Open a media file; raises VideoError where FFmpeg finds none."""
    size = path.stat().st_size
    try:
        allowed = {"format_whitelist": FORMATS, "protocol_whitelist": PROTOCOLS}
        # Not ``options``, which are for the streams too: PyAV below 16 crashes with them on formats whose streams
        # come up while the file is read, as in MPEG and FLV.
        return av.open(str(path), container_options=allowed, **LENIENT)
    except av.error.FFmpegError as e:
        raise VideoError(
            f"{path.name} ({size} bytes) cannot be read as a video ({e.strerror}): it is another "
            f"kind of file, or it is cut off or damaged where its index stands; give a complete MP4, MOV, MKV, "
            f"WebM, AVI or TS file"
        ) from e


def video_stream(container: av.container.InputContainer, name: str) -> av.VideoStream:
    """The main video stream, the others told to be dropped while reading; raises VideoError without one."""
    stream = container.streams.best("video")
    if stream is None:
        kinds = sorted({s.type for s in container.streams}) or ["nothing"]
        raise VideoError(f"{name} holds no video, only {' and '.join(kinds)}: give a file with pictures")
    if stream.codec_context is None:
        raise VideoError(f"{name} has a video stream that no decoder here can read: convert it to H.264 first")
    for other in container.streams:
        if other.index != stream.index and hasattr(other, "discard"):  # PyAV >= 17
            other.discard = av.stream.Discard.all
    return stream


def set_threads(stream: av.VideoStream, threads: int) -> None:
    """Set the decoder's own threads; before its first packet."""
    stream.codec_context.thread_count = threads
    stream.codec_context.thread_type = "AUTO" if threads > 1 else "NONE"


def clock_restarts(container: av.container.InputContainer) -> bool:
    """Whether the format's times may start anew in mid-file, as in broadcasts."""
    return bool(container.format.flags & av.format.Flags.ts_discont.value)


def video_packets(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.Packet]:
    """The packets of one stream in file order, up to the end or to where the file cannot be read further.

    Empty packets are left out: a decoder takes one for the end of the stream.
    """
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
            PROGRESS.packets += 1
        except av.error.MemoryError:  # is no damage
            raise
        except av.error.FFmpegError as e:
            logger.warning("the file cannot be read to its end: %s", e.strerror)
            return
        except IndexError:
            # At the end of a file in which a stream came up in mid-file, PyAV looks for it in the list of those
            # that were there at first. All packets have been given by then.
            return
        if packet is None:
            return
        if packet.size:
            yield packet
