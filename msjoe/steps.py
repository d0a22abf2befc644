"""What happens in the four steps, as plain functions on a Trace, and the parts and settings they need.

``pipeline.run`` calls them for one question, with signs of progress in between; evaluation calls them
for many questions at once. So both fill a Trace in the same way.

Shapes: Q queries, T dense frames, K chosen, D embedding width.
"""

import time
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import version

import numpy as np

from msjoe import __version__
from msjoe.clip import Clip, FeatureCache, similarity
from msjoe.mllm import Mllm, Reply
from msjoe.prompts import extract_letter, parse_queries
from msjoe.remarks import NO_FRAME, choice_remark
from msjoe.selectors.base import ScoreSet, Selection, Selector
from msjoe.selectors.plain import UniformSelector
from msjoe.settings import Settings
from msjoe.trace import Trace
from msjoe.video.base import FrameSource


@dataclass
class Models:
    """The parts a run needs; built once by ``msjoe.loading`` and shared by all questions."""

    mllm: Mllm
    clip: Clip
    selector: Selector
    cache: FeatureCache | None = None
    reel_only: bool = False  # whether the MLLM was trained on Reel's drawn world and knows no other


def new_trace(
    source: FrameSource, question: str, options: list[str], models: Models, settings: Settings, name: str
) -> Trace:
    """A Trace that says what was asked of what, and no more."""
    ids = {"mllm": models.mllm.id, "clip": models.clip.id, "selector": models.selector.name}
    return Trace(
        question=question,
        options=options,
        video=name,
        video_id=source.id,
        duration=source.duration,
        settings=asdict(settings),
        models=ids,
        versions=dict(_versions()),
        notes=list(getattr(source, "notes", ())),
    )


@cache
def _versions() -> dict[str, str]:
    return {"msjoe": __version__} | {p: version(p) for p in ("torch", "transformers", "open_clip_torch")}


def preview_times(duration: float, count: int) -> list[float]:
    """Centres of ``count`` equal parts of the video, in seconds."""
    return [round((i + 0.5) * duration / count, 2) for i in range(count)]


def read_queries(trace: Trace, reply: Reply, max_queries: int) -> None:
    """Put the queries of a reply into the Trace; the question itself where there are none to read."""
    trace.query_reply = reply.text
    parsed = parse_queries(reply.text, max_queries)
    trace.queries, trace.queries_from = parsed.queries, "reply"
    trace.notes += parsed.notes
    if not parsed.queries:
        trace.queries, trace.queries_from = [trace.question], "question"
        trace.notes.append("no query could be read from the reply, so the question itself is the query")


def match(trace: Trace, feats_TD: np.ndarray, text_QD: np.ndarray, dense_fps: float) -> ScoreSet:
    """Put the similarity of queries and frames into the Trace; returns what a selector may look at."""
    trace.sim_QT = similarity(text_QD, feats_TD)
    trace.times_T = (np.arange(len(feats_TD)) / dense_fps).astype(np.float32)
    return ScoreSet(trace.sim_QT, trace.times_T, feats_TD, text_QD)


def choose(trace: Trace, scores: ScoreSet, selector: Selector, settings: Settings) -> None:
    """Put the frames that ``selector`` chooses into the Trace.

    One rule for all: the list goes on as it is, with its repeats and when it is shorter than the budget;
    an empty one, which some published rules give at small budgets, becomes uniform frames, with a note.
    Of a video with fewer frames than the budget all are taken, once each.
    """
    start = time.perf_counter()
    picked = selector.select(scores, settings.budget, np.random.default_rng(settings.seed))
    if len(scores.times_T) < settings.budget:
        picked = replace(picked, indices=np.arange(len(scores.times_T)), tiers=None, note="")
    elif not len(picked.indices):
        trace.notes.append(NO_FRAME)
        picked = UniformSelector().select(scores, settings.budget)
    take_choice(trace, picked, scores.times_T)
    remark = choice_remark(trace)
    if remark and remark not in trace.notes:
        trace.notes.append(remark)
    trace.seconds["choice"] = time.perf_counter() - start


def take_choice(trace: Trace, picked: Selection, times_T: np.ndarray) -> None:
    trace.indices = [int(i) for i in picked.indices]
    trace.chosen_times = [round(float(times_T[i]), 3) for i in trace.indices]
    trace.tiers = [] if picked.tiers is None else [int(tier) for tier in picked.tiers]
    trace.weights_T, trace.selection_note = picked.weights_T, picked.note


def wanted_frames(trace: Trace, mllm: Mllm) -> list[tuple[float, int]]:
    """Time and most pixels of each chosen frame, [K]: fewer pixels for Q-Frame's lower tiers."""
    tiers = trace.tiers or [0] * len(trace.chosen_times)
    return [(t, mllm.tier_pixels(tier)) for t, tier in zip(trace.chosen_times, tiers, strict=True)]


def fetch_frames(source: FrameSource, wanted: Collection[tuple[float, int]]) -> dict[tuple[float, int], np.ndarray]:
    """Pictures by (seconds, most pixels), each read once."""
    found = {}
    for pixels in sorted({pixels for _, pixels in wanted}, reverse=True):
        times = sorted({t for t, most in wanted if most == pixels})
        found |= {(t, pixels): picture for t, picture in zip(times, source.frames_at(times, pixels), strict=True)}
    return found


def read_answer(trace: Trace, reply: Reply) -> None:
    """Put a reply and the letter in it into the Trace."""
    trace.answer_reply = reply.text
    if trace.options:
        trace.answer = extract_letter(reply.text, trace.options)
        if trace.answer is None:
            trace.notes.append("no option could be read from the reply")


def book(trace: Trace, step: str, seconds: float, reply: Reply) -> None:
    """What a step with the MLLM took, and what was asked."""
    trace.seconds[step] = seconds
    trace.tokens[step] = {"visual": reply.visual_tokens, "prompt": reply.prompt_tokens, "new": reply.new_tokens}
    trace.prompts[step] = reply.prompt
