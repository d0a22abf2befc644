"""The four steps of MSJoE as one generator of events, ending in a Trace.

``run`` answers one question for the page, its API and the shell. What a step does is in ``steps``, which evaluation
calls for many questions at once; training has loops of its own (``rl.joint``), with the same prompts and parsers.
Step names, in order: previews, queries, similarity, choice, answer.

Shapes: T dense frames, D embedding width.
"""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

import numpy as np

from msjoe.clip import feature_key
from msjoe.estimate import clip_warning
from msjoe.mllm import Shown
from msjoe.prompts import clean_question
from msjoe.remarks import counted
from msjoe.routing import ask_scope, routed
from msjoe.selectors.base import ScoreSet
from msjoe.settings import Settings
from msjoe.steps import (
    Models,
    book,
    choose,
    fetch_frames,
    match,
    new_trace,
    preview_times,
    read_answer,
    read_queries,
    wanted_frames,
)
from msjoe.trace import Trace
from msjoe.video.base import FrameSource, dense_count

__all__ = ["STEPS", "Event", "Models", "Settings", "answer", "preview_times", "query_onwards", "run"]

STEPS = ("previews", "queries", "similarity", "choice", "answer")


@dataclass(frozen=True)
class Event:
    """One sign of progress. ``trace`` is the same object throughout and grows."""

    step: str  # one of STEPS, or "done"
    fraction: float  # share of this step that is done, 0 to 1
    message: str
    trace: Trace = field(repr=False)


def run(
    source: FrameSource,
    question: str,
    options: list[str],
    models: Models,
    settings: Settings = Settings(),
    video_name: str = "",
) -> Iterator[Event]:
    """Answer one question; yields Events, the last with step "done" and the whole Trace.

    A video with fewer frames than the budget is answered from all of them. Raises QuestionError for a question
    or options that cannot be worked with, and VideoError when frames cannot be read. Closing the generator stops
    the work.
    """
    question, options = clean_question(question, options)
    trace = new_trace(source, question, options, models, settings, video_name)
    yield from _queries_step(source, models, settings, trace)
    yield from query_onwards(source, models, settings, trace)


def query_onwards(source: FrameSource, models: Models, settings: Settings, trace: Trace) -> Iterator[Event]:
    """Steps 2 to 4 for a Trace that has its queries: a first run, or a re-run with edited ones."""
    scores = yield from _similarity_step(source, models, settings, trace)
    yield from _choice_step(scores, models, settings, trace)
    yield from _answer_step(source, models, trace)
    yield Event("done", 1.0, "done", trace)


def answer(
    source: FrameSource,
    question: str,
    options: list[str],
    models: Models,
    settings: Settings = Settings(),
    video_name: str = "",
) -> Trace:
    """Run all steps and return the Trace."""
    *_, last = run(source, question, options, models, settings, video_name)
    return last.trace


def _queries_step(source: FrameSource, models: Models, settings: Settings, trace: Trace) -> Iterator[Event]:
    """Step 1: look at a few previews and reason out what to search for."""
    count = models.mllm.preview_count(settings)
    yield Event("previews", 0.0, f"reading {counted(count, 'preview frame')}", trace)
    start = time.perf_counter()
    trace.preview_times = preview_times(source.duration, count)
    models.mllm.check_reason(trace.question, trace.options, trace.preview_times, settings.max_queries)
    trace.previews = source.frames_at(trace.preview_times, models.mllm.preview_pixels)
    trace.seconds["previews"] = time.perf_counter() - start
    yield Event("previews", 1.0, counted(len(trace.previews), "preview"), trace)

    yield Event("queries", 0.0, "reasoning out what to look for", trace)
    start = time.perf_counter()
    shown = Shown(trace.question, tuple(trace.options), trace.previews, trace.preview_times)
    reply = models.mllm.reason([shown], settings.max_queries)[0]
    read_queries(trace, reply, settings.max_queries)
    book(trace, "queries", time.perf_counter() - start, reply)
    yield Event("queries", 1.0, counted(len(trace.queries), "query"), trace)


def _similarity_step(
    source: FrameSource, models: Models, settings: Settings, trace: Trace
) -> Generator[Event, None, ScoreSet]:
    """Step 2: match the queries with every dense frame. Returns what a selector may look at."""
    n_dense = dense_count(source.duration, settings.dense_fps)
    yield Event("similarity", 0.0, f"matching with {counted(n_dense, 'frame')}", trace)
    start = time.perf_counter()
    key = feature_key(source, models.clip, settings.dense_fps) if models.cache else None
    feats_TD = models.cache.get(key) if models.cache else None
    if feats_TD is None:
        if warning := clip_warning(models.clip, n_dense, source.duration):
            trace.notes.append(warning)
            yield Event("similarity", 0.0, warning, trace)
        parts, done = [], 0
        for part in models.clip.encode_batches(source.dense(settings.dense_fps, models.clip.size)):
            parts.append(part)
            done += len(part)
            yield Event("similarity", min(done / n_dense, 0.99), f"{done:,} of {counted(n_dense, 'frame')}", trace)
        feats_TD = np.concatenate(parts)
        if models.cache:
            models.cache.put(key, feats_TD)
    else:
        trace.notes.append("frame features came from the cache: this video was looked at before")
    text_QD = models.clip.encode_texts(trace.queries)
    scores = match(trace, feats_TD, text_QD, settings.dense_fps)
    trace.seconds["similarity"] = time.perf_counter() - start
    yield Event("similarity", 1.0, f"{counted(len(feats_TD), 'frame')} matched", trace)
    return scores


def _choice_step(scores: ScoreSet, models: Models, settings: Settings, trace: Trace) -> Iterator[Event]:
    """Step 3: choose K frames from the matrix."""
    selector = routed(trace, models.selector, lambda question: ask_scope(models.mllm, question))
    choose(trace, scores, selector, settings)
    yield Event("choice", 1.0, counted(len(trace.indices), "key-frame"), trace)


def _answer_step(source: FrameSource, models: Models, trace: Trace) -> Iterator[Event]:
    """Step 4: answer from the key-frames alone; the previews are not in this context."""
    yield Event("answer", 0.0, "reading the key-frames", trace)
    start = time.perf_counter()
    models.mllm.check_answer(trace.question, trace.options, trace.chosen_times)
    wanted = wanted_frames(trace, models.mllm)
    pictures = fetch_frames(source, wanted)
    trace.keyframes = [pictures[frame] for frame in wanted]
    yield Event("answer", 0.5, "answering", trace)
    shown = Shown(trace.question, tuple(trace.options), trace.keyframes, trace.chosen_times)
    reply = models.mllm.answer([shown])[0]
    read_answer(trace, reply)
    book(trace, "answer", time.perf_counter() - start, reply)
    yield Event("answer", 1.0, "answered", trace)
