"""What Gradio does with a request, in this process: values in, a page's own function, updates out.

Raises what the page's function, or the sending of what it returned, raises. What Gradio refuses by itself, before
anything of the page has run, is not looked at.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import gradio as gr
from gradio.blocks import BlockFunction
from gradio.state_holder import SessionState

from msjoe.errors import UserError
from tests.fuzzing.entry import check_told

MOST_UPDATES = 400  # of a function that goes on and on


class Browser:
    """One visit. ``hidden``: a folder of which no update may tell."""

    def __init__(self, page: gr.Blocks, hidden: Path) -> None:
        self.page, self.hidden = page, hidden
        self.state = SessionState(page)

    def send(self, function: BlockFunction, values: list) -> tuple[str, list]:
        """(what came of it, the last update): "answered", "message" for gr.Error, "gradio" where nothing was run."""
        return asyncio.run(self._send(function, values))

    async def _send(self, function: BlockFunction, values: list) -> tuple[str, list]:
        try:
            given = await self.page.preprocess_data(function, values, self.state)
        except Exception:  # noqa: BLE001 - whatever it refuses is not ours
            return "gradio", []
        iterator, last = None, []
        try:
            for _ in range(MOST_UPDATES):
                called = await self.page.call_function(function, given, iterator, event_id="x", state=self.state)
                if iterator is not None and called["iterator"] is None:
                    break  # the one before was the last
                last = await self.page.postprocess_data(function, called["prediction"], self.state)
                self.check(last)
                iterator = called["iterator"]
                if iterator is None:
                    break
        except gr.Error as error:
            check_told(str(error.message), self.hidden)
            return "message", []
        except UserError as error:
            raise AssertionError(f"a UserError that became no message: {error}") from error
        return "answered", last

    def check(self, updates: list) -> None:
        """Texts that are shown; a file's own address is not a text."""
        told = json.dumps([value for value in updates if isinstance(value, str)], ensure_ascii=False)
        told.encode()
        check_told(told, self.hidden)


def functions(page: gr.Blocks, wanted: Callable[[BlockFunction], bool]) -> list[BlockFunction]:
    return [function for function in page.fns.values() if function.fn is not None and wanted(function)]
