"""The world version and the measured figures that stand beside every Reel checkpoint."""

import json
from pathlib import Path

from msjoe.errors import CheckpointError
from msjoe.files import write_atomic
from msjoe.reel.world import REEL_VERSION

REEL_JSON = "reel.json"


def write_reel_json(folder: Path, record: dict) -> None:
    """Write ``record`` (command, seed, validation...) with the current REEL_VERSION as reel.json."""
    text = json.dumps({"reel_version": REEL_VERSION, **record}, indent=2) + "\n"
    write_atomic(folder / REEL_JSON, lambda path: path.write_text(text, encoding="utf-8"))


def is_reel_checkpoint(name: str | Path) -> bool:
    """Whether this is the folder of a model that was trained on Reel, so that it knows nothing else."""
    return (Path(name) / REEL_JSON).is_file()


def check_reel_version(folder: Path) -> None:
    """Raise CheckpointError when ``folder`` was trained on another version of Reel's world.

    A folder without reel.json is not a Reel checkpoint, and passes.
    """
    if not is_reel_checkpoint(folder):
        return
    path = Path(folder) / REEL_JSON
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["reel_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path} gives no reel_version ({type(error).__name__}): restore the checkpoint or train it again"
        ) from error
    if found != REEL_VERSION:
        raise CheckpointError(
            f"{folder} was trained on Reel {found}, this program draws Reel {REEL_VERSION}: "
            f'train it again with "msjoe reel", or use the msjoe version it came with'
        )
