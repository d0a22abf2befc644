"""Videos on this machine, under the one folder that ``--videos`` names."""

import os
from pathlib import Path

from msjoe.errors import UserError, VideoError

SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".mpg", ".mpeg", ".flv", ".wmv", ".ogv", ".3gp")
MAX_LISTED = 500


def checked_root(root: Path | None) -> Path | None:
    """The folder with its links resolved. Raises UserError if it is not a folder."""
    if root is None:
        return None
    if not root.is_dir():
        raise UserError(f"--videos {root} is not a folder: give one that holds videos")
    return root.resolve()


def resolve_under(root: Path, typed: str) -> Path:
    """The file that a visitor named by a path relative to ``root``.

    Raises VideoError unless that is a video file inside ``root`` after links are followed. The message is the same in
    all cases, so that it does not reveal what exists elsewhere.
    """
    refusal = VideoError(f'there is no video "{typed[:120]}" under {root.name}: choose one from the list')
    if "\0" in typed or not typed.strip() or Path(typed).is_absolute():
        raise refusal
    try:
        path = (root / typed.strip()).resolve()
        inside = path.is_relative_to(root) and path.is_file()
    except (OSError, RuntimeError) as e:  # the name is too long, or its links form a loop
        raise refusal from e
    if not inside or path.suffix.lower() not in SUFFIXES or _hidden(path.relative_to(root)):
        raise refusal
    return path


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def list_videos(root: Path, most: int = MAX_LISTED) -> list[str]:
    """The first ``most`` videos as paths relative to ``root``; links to folders are not followed."""
    found: list[str] = []
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        names = sorted(name for name in files if name.lower().endswith(SUFFIXES) and not name.startswith("."))
        paths = (str((Path(folder) / name).relative_to(root)) for name in names)
        found += [path for path in paths if _inside(root, path)]
        if len(found) >= most:
            break
    return found[:most]


def _inside(root: Path, path: str) -> bool:
    """False for a link that leads outside ``root`` or nowhere."""
    try:
        return bool(resolve_under(root, path))
    except VideoError:
        return False
