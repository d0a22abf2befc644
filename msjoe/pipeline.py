"""The four steps of MSJoE as one generator of events, ending in a Trace.

``run`` is what the page, the shell, evaluation and training call. Every step is a plain
function of its inputs. Step names, in order: previews, queries, similarity, choice, answer.

Shapes: Q queries, T dense frames, K chosen, D embedding width.
"""

import time
from collections.abc import Generator, Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import version

import numpy as np

from msjoe import __version__
from msjoe.clip import Clip, FeatureCache, similarity
from msjoe.errors import QuestionError
from msjoe.estimate import clip_warning
from msjoe.mllm import Mllm, Reply, Shown
from msjoe.prompts import clean_question, extract_letter, parse_queries
from msjoe.selectors.base import ScoreSet, Selector
from msjoe.trace import Trace
from msjoe.video.base import FrameSource, dense_count

STEPS = ("previews", "queries", "similarity", "choice", "answer")


@dataclass(frozen=True)
class Settings:
    """How one question is answered. ``previews`` defaults to budget // 2 as in the paper."""

    budget: int = 8  # K, key-frames shown to the MLLM
    previews: int | None = None  # N_init, uniform low-resolution frames; None: budget // 2
    max_queries: int = 4  # N_q at most
    dense_fps: float = 1.0  # rate of the frames that CLIP sees
    seed: int = 0  # for selectors that draw

    def __post_init__(self) -> None:
        if self.budget < 1:
            raise QuestionError(f"the budget is {self.budget} frames: give at least 1")
        if self.previews is not None and self.previews < 0:
            raise QuestionError(f"{self.previews} previews: give 0 or more")
        if not 1 <= self.max_queries <= 4:
            raise QuestionError(f"max_queries is {self.max_queries}: the sampler reads 1 to 4 queries")
        if not 0 < self.dense_fps <= 60:
            raise QuestionError(f"dense_fps is {self.dense_fps}: give a rate above 0 and up to 60")

    @property
    def n_previews(self) -> int:
        return self.budget // 2 if self.previews is None else self.previews


@dataclass
class Models:
    """The parts a run needs; built once by ``msjoe.loading`` and shared by all questions."""

    mllm: Mllm
    clip: Clip
    selector: Selector
    cache: FeatureCache | None = None


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

    Raises QuestionError for a question, options or budget that cannot be worked with, and
    VideoError when frames cannot be read. Closing the generator stops the work.
    """
    question, options = clean_question(question, options)
    check_budget(source, settings)
    trace = _new_trace(source, question, options, models, settings, video_name)
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


def check_budget(source: FrameSource, settings: Settings) -> None:
    n_dense = dense_count(source.duration, settings.dense_fps)
    if settings.budget > n_dense:
        raise QuestionError(
            f"the budget of {settings.budget} frames is larger than the {n_dense} frames that "
            f"{source.duration:.1f} s give at {settings.dense_fps:g} fps: lower the budget to {n_dense} or less, "
            f"or raise the dense rate (--dense-fps)"
        )


def preview_times(duration: float, count: int) -> list[float]:
    """Centres of ``count`` equal parts of the video, in seconds."""
    return [round((i + 0.5) * duration / count, 2) for i in range(count)]


def _new_trace(
    source: FrameSource, question: str, options: list[str], models: Models, settings: Settings, name: str
) -> Trace:
    ids = {"mllm": models.mllm.id, "clip": models.clip.id, "selector": models.selector.name}
    packages = ("torch", "transformers", "open_clip_torch")
    return Trace(
        question=question,
        options=options,
        video=name,
        video_id=source.id,
        duration=source.duration,
        settings=asdict(settings),
        models=ids,
        versions={"msjoe": __version__} | {p: version(p) for p in packages},
    )


def _queries_step(source: FrameSource, models: Models, settings: Settings, trace: Trace) -> Iterator[Event]:
    """Step 1: look at a few previews and reason out what to search for."""
    yield Event("previews", 0.0, f"reading {settings.n_previews} preview frames", trace)
    start = time.perf_counter()
    trace.preview_times = preview_times(source.duration, settings.n_previews)
    trace.previews = source.frames_at(trace.preview_times, models.mllm.preview_pixels)
    trace.seconds["previews"] = time.perf_counter() - start
    yield Event("previews", 1.0, f"{len(trace.previews)} previews", trace)

    yield Event("queries", 0.0, "reasoning out what to look for", trace)
    start = time.perf_counter()
    shown = Shown(trace.question, tuple(trace.options), trace.previews, trace.preview_times)
    reply = models.mllm.reason([shown], settings.max_queries)[0]
    trace.query_reply = reply.text
    parsed = parse_queries(reply.text, settings.max_queries)
    trace.queries, trace.queries_from = parsed.queries, "reply"
    trace.notes += parsed.notes
    if not parsed.queries:
        trace.queries, trace.queries_from = [trace.question], "question"
        trace.notes.append("no query could be read from the reply, so the question itself is the query")
    _book(trace, "queries", start, reply)
    yield Event("queries", 1.0, f"{len(trace.queries)} queries", trace)


def _similarity_step(
    source: FrameSource, models: Models, settings: Settings, trace: Trace
) -> Generator[Event, None, ScoreSet]:
    """Step 2: match the queries with every dense frame. Returns what a selector may look at."""
    n_dense = dense_count(source.duration, settings.dense_fps)
    yield Event("similarity", 0.0, f"matching with {n_dense} frames", trace)
    start = time.perf_counter()
    key = (source.id, models.clip.id, settings.dense_fps)
    feats_TD = models.cache.get(*key) if models.cache else None
    if feats_TD is None:
        if warning := clip_warning(models.clip, n_dense, source.duration):
            trace.notes.append(warning)
            yield Event("similarity", 0.0, warning, trace)
        parts, done = [], 0
        for part in models.clip.encode_batches(source.dense(settings.dense_fps, models.clip.size)):
            parts.append(part)
            done += len(part)
            yield Event("similarity", min(done / n_dense, 0.99), f"{done} of {n_dense} frames", trace)
        feats_TD = np.concatenate(parts)
        if models.cache:
            models.cache.put(*key, feats_TD)
    else:
        trace.notes.append("frame features came from the cache: this video was looked at before")
    text_QD = models.clip.encode_texts(trace.queries)
    trace.sim_QT = similarity(text_QD, feats_TD)
    trace.times_T = (np.arange(len(feats_TD)) / settings.dense_fps).astype(np.float32)
    trace.seconds["similarity"] = time.perf_counter() - start
    yield Event("similarity", 1.0, f"{len(feats_TD)} frames matched", trace)
    return ScoreSet(trace.sim_QT, trace.times_T, feats_TD, text_QD)


def _choice_step(scores: ScoreSet, models: Models, settings: Settings, trace: Trace) -> Iterator[Event]:
    """Step 3: choose K frames from the matrix."""
    start = time.perf_counter()
    picked = models.selector.select(scores, settings.budget, np.random.default_rng(settings.seed))
    trace.indices = [int(i) for i in picked.indices]
    trace.chosen_times = [round(float(trace.times_T[i]), 3) for i in trace.indices]
    trace.weights_T, trace.selection_note = picked.weights_T, picked.note
    trace.seconds["choice"] = time.perf_counter() - start
    yield Event("choice", 1.0, f"{len(trace.indices)} key-frames", trace)


def _answer_step(source: FrameSource, models: Models, trace: Trace) -> Iterator[Event]:
    """Step 4: answer from the key-frames alone; the previews are not in this context."""
    yield Event("answer", 0.0, "reading the key-frames", trace)
    start = time.perf_counter()
    trace.keyframes = source.frames_at(trace.chosen_times, models.mllm.frame_pixels)
    yield Event("answer", 0.5, "answering", trace)
    shown = Shown(trace.question, tuple(trace.options), trace.keyframes, trace.chosen_times)
    reply = models.mllm.answer([shown])[0]
    trace.answer_reply = reply.text
    if trace.options:
        trace.answer = extract_letter(reply.text, trace.options)
        if trace.answer is None:
            trace.notes.append("no option could be read from the reply")
    _book(trace, "answer", start, reply)
    yield Event("answer", 1.0, "answered", trace)


def _book(trace: Trace, step: str, start: float, reply: Reply) -> None:
    trace.seconds[step] = time.perf_counter() - start
    trace.tokens[step] = {"visual": reply.visual_tokens, "prompt": reply.prompt_tokens, "new": reply.new_tokens}
