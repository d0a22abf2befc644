"""The video player, without gradio's converter."""

from pathlib import Path

import gradio as gr
from gradio.data_classes import FileData


class Player(gr.Video):
    """Passes files through unchanged in both directions.

    ``gr.Video`` runs the system's ffprobe, and often ffmpeg, on what it shows and on some of what it receives. Both
    follow playlists to other files on this machine, and the video that ffmpeg makes of them would be served to the
    visitor. Our own check cannot rule that out: a file may be a video to one version of FFmpeg and a playlist to
    another.
    """

    is_template = True  # uses the front end of gr.Video

    def preprocess(self, payload: FileData | None) -> str | None:
        """The path of an uploaded file."""
        return payload.path if payload else None

    def postprocess(self, value: str | Path | None) -> FileData | None:
        """A file that gradio may serve."""
        return FileData(path=str(value), orig_name=Path(value).name) if value else None


def player(value: str | None, sources: tuple[str, ...] = ("upload",)) -> Player:
    """The page's video player, showing ``value``."""
    return Player(
        value=value,
        sources=list(sources),
        label="Video",
        show_label=False,
        elem_id="video",
        height=260,
    )


def serve_file(page: gr.Blocks, path: Path) -> None:
    """Serve this one file from where it is; copying a long video would take too long."""
    if str(path) not in page.allowed_paths:
        page.allowed_paths.append(str(path))
        gr.set_static_paths([path])
