"""One rollout of a question: queries, a draw of frames, an answer, a reward. Stages differ in which parts they sample.

Shapes: Q queries, T dense frames, K chosen, N rollouts of this process.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from msjoe.data import Record
from msjoe.evaluation.footage import Footage
from msjoe.mllm import Shown
from msjoe.prompts import extract_letter
from msjoe.rl.difficulty import show
from msjoe.rl.pool import Rated
from msjoe.rl.rewards import RewardParts
from msjoe.rl.turns import ANSWER, Said, Speaker
from msjoe.trace import Trace


@dataclass(frozen=True)
class Queries:
    """What the frames of a rollout are matched with."""

    texts: tuple[str, ...]
    source: str  # as in a Trace: "reply", or "question" where the question itself is the query
    reply: str = ""  # that was read for them

    @classmethod
    def found(cls, texts: Sequence[str], reply: str, record: Record) -> "Queries":
        """Those read from a reply; the question itself where none could be read."""
        return cls(tuple(texts), "reply", reply) if texts else cls((record.question,), "question", reply)


@dataclass(frozen=True)
class Rollout:
    """Everything about one try. ``asked`` is None where the queries were not sampled (stage 1, TSPO)."""

    rated: Rated
    footage: Footage
    queries: Queries
    sim_QT: np.ndarray
    weights_T: Tensor  # each frame's probability to be drawn first, on the CPU
    drawn_K: Tensor  # int64, in the order drawn
    shown: Shown  # turn 2's frames
    said: Said
    parts: RewardParts
    reward: float
    asked: Said | None = None
    previews: Shown | None = None

    def trace(self, models: dict[str, str], settings: dict) -> Trace:
        """As the page and the analysis read it; the reward and its parts are among the notes."""
        chosen = sorted(self.drawn_K.tolist())
        record, parts = self.rated.record, self.parts
        return Trace(
            question=record.question,
            options=list(record.options),
            video=record.video,
            video_id=self.footage.source.id,
            duration=self.footage.source.duration,
            settings=settings,
            models=models,
            query_reply=self.queries.reply,
            queries=list(self.queries.texts),
            queries_from=self.queries.source,
            preview_times=list(self.previews.times) if self.previews else [],
            previews=list(self.previews.frames) if self.previews else [],
            times_T=self.footage.times_T,
            sim_QT=self.sim_QT,
            weights_T=self.weights_T.numpy(),
            indices=chosen,
            chosen_times=list(self.shown.times),
            keyframes=list(self.shown.frames),
            answer_reply=self.said.text,
            answer=extract_letter(self.said.text, record.options),
            notes=[
                f"training rollout: reward {self.reward:.3f} (accuracy {parts.accuracy:g}, format {parts.format:g}, "
                f"informativeness {parts.informativeness:.2f}); right is {record.answer}; "
                f"pass rate of the base {self.rated.pass_rate:.2f}"
            ],
        )


class Stopwatch:
    """Seconds spent in each part of a step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        start = time.perf_counter()
        yield
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds[part] += time.perf_counter() - start

    def metrics(self) -> dict[str, float]:
        return {f"time/{part}": self.seconds.get(part, 0.0) for part in ("generation", "clip", "sampler", "update")}


def answer_draws(
    speaker: Speaker,
    asked: Sequence[tuple[Rated, Footage]],
    drawn: Sequence[Tensor],
    temperature: float,
    generators: Sequence[torch.Generator],
) -> list[tuple[Shown, Said]]:
    """Turn 2 for each draw, [N]. Greedy answers to the same frames of a question are given once."""
    keys = [_key(rated, draw, i, temperature) for i, ((rated, _), draw) in enumerate(zip(asked, drawn, strict=True))]
    first: dict[tuple, int] = {}
    for i, key in enumerate(keys):
        first.setdefault(key, i)
    unlike = list(first.values())
    shown = [show(asked[i][0].record, asked[i][1], drawn[i].tolist()) for i in unlike]
    said = speaker.say(ANSWER, shown, 1, temperature, [generators[i] for i in unlike])
    answered = {i: (what, group[0]) for i, what, group in zip(unlike, shown, said, strict=True)}
    return [answered[first[key]] for key in keys]


def _key(rated: Rated, drawn_K: Tensor, number: int, temperature: float) -> tuple:
    """The same for rollouts that must get the same answer."""
    return (rated.record.id, *sorted(drawn_K.tolist())) if temperature == 0 else (number,)
