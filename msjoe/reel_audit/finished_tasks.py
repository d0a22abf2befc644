"""What a check has finished, safe against a stop at any moment: a line for each task."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, as_completed
from pathlib import Path
from typing import Any

from msjoe.errors import CheckpointError
from msjoe.files import writing
from msjoe.jsonl import append_lines, read_lines

ADVICE = "what is done is kept; make room, then give the same command again"


class FinishedTasks:
    """Results of tasks by name, in a JSON Lines file. An incomplete last line is dropped."""

    def __init__(self, path: Path) -> None:
        """Raises CheckpointError for a whole line that is not a result."""
        self.path = path
        self.results: dict[str, Any] = {}
        for number, row in enumerate(read_lines(path), 1):
            if not {"task", "result"} <= set(row):
                raise CheckpointError(f"line {number} of {path} is not a result: remove the line, or the file")
            self.results[row["task"]] = row["result"]

    def add(self, task: str, result: Any) -> None:
        """Keep a result that JSON can hold; it is on the disk when this returns. Raises PathError for a full disk."""
        with writing(self.path, ADVICE):
            append_lines(self.path, [{"task": task, "result": result}])
        self.results[task] = json.loads(json.dumps(result))

    def run(self, function: Callable, tasks: Mapping[str, Any], pool: Executor) -> Iterator[str]:
        """Run the ``tasks`` (name -> argument) without a result; yields the name of each when it is finished."""
        waiting = {pool.submit(function, given): name for name, given in tasks.items() if name not in self.results}
        try:
            for future in as_completed(waiting):
                self.add(waiting[future], future.result())
                yield waiting[future]
        finally:
            for future, name in waiting.items():
                future.cancel()
                if future.done() and not future.cancelled() and not future.exception() and name not in self.results:
                    self.add(name, future.result())  # finished while another one failed
