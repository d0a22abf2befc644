"""What a check has found so far, safe against a stop at any moment: a line for each finished task."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, as_completed
from pathlib import Path
from typing import Any

from msjoe.errors import CheckpointError


class Ledger:
    """Results of tasks by name, in a JSON-lines file. A last line that a stop cut off is dropped."""

    def __init__(self, path: Path) -> None:
        """Raises CheckpointError for a whole line that is not a result."""
        self.path = path
        self.results: dict[str, Any] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        data = path.read_bytes() if path.is_file() else b""
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            os.truncate(path, len(whole))
        for number, line in enumerate(whole.decode().splitlines(), 1):
            try:
                row = json.loads(line)
                self.results[row["task"]] = row["result"]
            except (ValueError, KeyError, TypeError) as error:
                raise CheckpointError(
                    f"line {number} of {path} is not a result: remove the line, or the file"
                ) from error

    def add(self, task: str, result: Any) -> None:
        """Keep a result, JSON all through; it is on the disk when this returns."""
        line = json.dumps({"task": task, "result": result}) + "\n"
        with self.path.open("ab") as out:
            out.write(line.encode())
            out.flush()
            os.fsync(out.fileno())
        self.results[task] = json.loads(line)["result"]

    def run(self, function: Callable, tasks: Mapping[str, Any], pool: Executor) -> Iterator[str]:
        """Do those of ``tasks`` (name -> argument) that have no result yet; yields each name when it is done."""
        waiting = {pool.submit(function, given): name for name, given in tasks.items() if name not in self.results}
        try:
            for future in as_completed(waiting):
                self.add(waiting[future], future.result())
                yield waiting[future]
        finally:
            for future, name in waiting.items():
                future.cancel()
                if future.done() and not future.cancelled() and not future.exception() and name not in self.results:
                    self.add(name, future.result())  # finished beside one that failed
