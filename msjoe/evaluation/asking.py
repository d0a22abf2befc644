"""Step 1 for all questions of a video: the MLLM's own queries, once for each number of previews.

The number of previews is that of ``pipeline.run`` (``Mllm.preview_count``) and may depend on the budget, so a
question's own queries may differ from one budget to another; within a budget all arms share them.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from msjoe.data import Record
from msjoe.evaluation.footage import Footage
from msjoe.evaluation.plan import Plan
from msjoe.mllm import Shown
from msjoe.steps import Settings, book, new_trace, read_queries
from msjoe.trace import Trace


def ask_all(records: Sequence[Record], footage: Footage, plan: Plan) -> dict[tuple[str, int], Trace]:
    """Traces that end after step 1, by question id and budget."""
    asked: dict[tuple[str, int], Trace] = {}
    by_previews: dict[int, list[Trace]] = {}
    for budget in plan.budgets:
        settings = plan.settings(budget, "")
        count = footage.models.mllm.preview_count(settings)
        if count not in by_previews:
            traces = [blank(record, footage, settings) for record in records]
            _reason(traces, footage, settings, plan.batch)
            by_previews[count] = traces
        for record, trace in zip(records, by_previews[count], strict=True):
            asked[record.id, budget] = trace
    return asked


def blank(record: Record, footage: Footage, settings: Settings) -> Trace:
    """A Trace that only knows the question."""
    return new_trace(footage.source, record.question, list(record.options), footage.models, settings, record.video)


def copied(trace: Trace, **changes: object) -> Trace:
    """A Trace to go on with apart from the one it is taken from."""
    own = {name: dict(getattr(trace, name)) for name in ("seconds", "tokens", "prompts")}
    return replace(trace, **own | {"notes": list(trace.notes)} | changes)


def _reason(traces: list[Trace], footage: Footage, settings: Settings, batch: int) -> None:
    """Write queries into every Trace. What is done for several of them counts in equal shares."""
    start = time.perf_counter()
    times, pictures = footage.previews(footage.models.mllm.preview_count(settings))
    seconds = (time.perf_counter() - start) / len(traces)
    for trace in traces:
        trace.preview_times, trace.previews = times, pictures
        trace.seconds["previews"] = seconds
    for first in range(0, len(traces), batch):
        part = traces[first : first + batch]
        start = time.perf_counter()
        shown = [Shown(t.question, tuple(t.options), t.previews, t.preview_times) for t in part]
        replies = footage.models.mllm.reason(shown, settings.max_queries)
        seconds = (time.perf_counter() - start) / len(part)
        for trace, reply in zip(part, replies, strict=True):
            read_queries(trace, reply, settings.max_queries)
            book(trace, "queries", seconds, reply)
