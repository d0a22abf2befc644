"""Videos on this machine, by a path under one root that was given at start."""

import os
from pathlib import Path

from msjoe.errors import UserError, VideoError

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mpg", ".mpeg", ".flv", ".wmv", ".ogv", ".3gp")
MOST_LISTED = 500


def checked_root(root: Path | None) -> Path | None:
    """The root without links in it. Raises UserError for what is no folder."""
    if root is None:
        return None
    if not root.is_dir():
        raise UserError(f"--videos {root} is no folder: give one with videos in it")
    return root.resolve()


def resolve_under(root: Path, typed: str) -> Path:
    """The file that a visitor named by a path relative to ``root``.

    Raises VideoError for anything that is not a video file inside it, links followed: no word tells whether
    something lies outside.
    """
    refusal = VideoError(f'there is no video "{typed[:120]}" under {root.name}: choose one from the list')
    if "\0" in typed or not typed.strip() or Path(typed).is_absolute():
        raise refusal
    try:
        path = (root / typed.strip()).resolve()
        inside = path.is_relative_to(root) and path.is_file()
    except (OSError, RuntimeError) as e:  # a name that is too long, a circle of links
        raise refusal from e
    if not inside or path.suffix.lower() not in SUFFIXES or _hidden(path.relative_to(root)):
        raise refusal
    return path


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def list_videos(root: Path, most: int = MOST_LISTED) -> list[str]:
    """Paths relative to ``root`` of the first ``most`` videos that can be opened; links to folders are not followed."""
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        names = sorted(name for name in files if name.lower().endswith(SUFFIXES) and not name.startswith("."))
        paths = (str((Path(folder) / name).relative_to(root)) for name in names)
        found += [path for path in paths if _opens(root, path)]
        if len(found) >= most:
            break
    return found[:most]


def _opens(root: Path, path: str) -> bool:
    """Not so for a link that leads out of the root, or nowhere."""
    try:
        return bool(resolve_under(root, path))
    except VideoError:
        return False
