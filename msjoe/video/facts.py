"""All that is to be known of a file before pictures are asked for. Found out once, while the file stays the same."""

from dataclasses import dataclass
from pathlib import Path

from msjoe.errors import VideoError
from msjoe.video.container import in_words, open_container, video_stream
from msjoe.video.index import PacketIndex, read_index
from msjoe.video.picture import upright_shape
from msjoe.video.plain import PlainDecoder
from msjoe.video.recent import Recent

LONGEST_COMMENT = 200  # characters that are kept
KEPT_BYTES = 64 << 20  # a film of two hours has 7 MB of packet times


@dataclass(frozen=True)
class Facts:
    """Packet times and the first frame's size as displayed; which codec and format hold them."""

    index: PacketIndex
    height: int
    width: int
    codec: str
    format: str
    comment: str  # in the file's metadata; "": none

    @property
    def nbytes(self) -> int:
        return self.index.nbytes


_recent: Recent[Facts] = Recent(KEPT_BYTES)


def facts_of(path: Path) -> Facts:
    """``path`` as from ``checked_path``. Raises VideoError for what is no video or gives no picture."""
    with in_words(path):
        return _recent.get(path, _read)


def _read(path: Path) -> Facts:
    with open_container(path) as container:
        stream = video_stream(container, path.name)
        codec, kind = stream.codec_context.name, container.format.name
        comment = container.metadata.get("comment", "")[:LONGEST_COMMENT]
        index = read_index(container, stream)
    origin, (height, width) = first_frame(path)
    return Facts(index.with_origin(origin), height, width, codec, kind, comment)


def first_frame(path: Path) -> tuple[int, tuple[int, int]]:
    """Time (ticks) and (height, width) of the first frame that a decoder gives back; raises VideoError."""
    with PlainDecoder(path) as decoder:
        first = next(decoder.frames(), None)
    if first is None:
        raise VideoError(f"{path.name} has a video stream, but no picture of it can be decoded: give an undamaged file")
    ticks, frame = first
    return ticks, upright_shape(frame)
