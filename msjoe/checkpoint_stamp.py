"""``reel.json`` beside weights: which version of the Reel world a checkpoint was trained on, and what was measured.

Loaders check it without importing the world itself.
"""

import json
from pathlib import Path

from msjoe.errors import CheckpointError
from msjoe.files import write_atomic

REEL_VERSION = "1.0"  # any change of the world's frames, words or questions raises it
REEL_JSON = "reel.json"


def write_reel_json(folder: Path, record: dict) -> None:
    """Write ``record`` (command, seed, validation...) with the current REEL_VERSION as reel.json."""
    text = json.dumps({"reel_version": REEL_VERSION, **record}, indent=2) + "\n"
    write_atomic(folder / REEL_JSON, lambda path: path.write_text(text, encoding="utf-8"))


def is_reel_checkpoint(name: str | Path) -> bool:
    """Whether this is the folder of a model that was trained on Reel, and therefore knows nothing else."""
    return (Path(name) / REEL_JSON).is_file()


def check_reel_version(folder: Path) -> None:
    """Raise CheckpointError when ``folder`` was trained on another version of Reel.

    A folder without reel.json passes: it does not hold a Reel checkpoint.
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
