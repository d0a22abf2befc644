"""README.md of a miniature's checkpoint, filled in from its reel.json."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from msjoe.checkpoint_stamp import REEL_JSON
from msjoe.files import write_atomic


def write_model_card(folder: Path, text_of: Callable[[dict], str]) -> None:
    """``text_of`` makes the card from what reel.json holds."""
    record = json.loads((folder / REEL_JSON).read_text(encoding="utf-8"))
    write_atomic(folder / "README.md", lambda path: path.write_text(text_of(record), encoding="utf-8"))


def fill_card(template: str, record: dict, **values: object) -> str:
    """The template with ``values`` and what every card says: version, command, seed, minutes and the note, if any."""
    common = {key: record[key] for key in ("command", "seed", "reel_version")}
    note = f"\n{record['note']}\n" if "note" in record else ""
    return template.format(minutes=record["seconds"] / 60, note=note, **common, **values)


def table_rows(rows: Iterable[Sequence[str]]) -> str:
    """The rows of a Markdown table; its head is in the template."""
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
