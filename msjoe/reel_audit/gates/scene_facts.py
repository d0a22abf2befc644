"""Facts about questions and scenes for the text and layout gates, from scripts alone.

Shapes: N scenes, F of FACTS.
"""

from dataclasses import dataclass
from itertools import chain

import numpy as np

from msjoe.reel.script.records import TRACKS, Script
from msjoe.reel.script.write_script import make_script
from msjoe.reel_audit.gates.text_guessers import Mapped, WordedQuestion

BEYOND = 10_000  # no split uses seeds from here on
PER_VIDEO = 4  # questions of a test video at least
CHUNK = 25  # videos a task
FACTS = (
    "position",
    "length",
    "brightness",
    *(f"length {where}" for where in ("before", "after")),
    *(f"{what} {where}" for what in ("person", "place", "item") for where in ("before", "after", "two before")),
    "person two after",
    "person three before",
)
SPREAD = ("needle", "order", "multi")  # tracks whose evidence may lie anywhere
Scenes = tuple[tuple[float, float], ...]  # starts and ends in seconds


@dataclass(frozen=True)
class EvidenceLayout:
    """Where the evidence of a question lies."""

    video: str  # "needle-10007"
    duration: float  # seconds
    evidence: Scenes


@dataclass(frozen=True)
class TrackFacts:
    """One track: its questions in words, their evidence, and the facts of evidence scenes and of all other scenes."""

    questions: list[WordedQuestion]
    layouts: list[EvidenceLayout]  # one a question, in the same order
    evidence_NF: np.ndarray  # float64; nan where a scene has no such neighbour
    others_NF: np.ndarray


def gather(questions: int, mapped: Mapped = map) -> dict[str, TrackFacts]:
    """Track -> Facts, from as many new videos as give ``questions`` in all."""
    per_track = questions // len(TRACKS)
    videos = -(-per_track // PER_VIDEO)
    chunks = [
        (track, range(first, min(first + CHUNK, BEYOND + videos)))
        for track in TRACKS
        for first in range(BEYOND, BEYOND + videos, CHUNK)
    ]
    parts: dict[str, list[TrackFacts]] = {track: [] for track in TRACKS}
    for (track, _), found in zip(chunks, mapped(facts_of, chunks), strict=True):
        parts[track].append(found)
    return {track: _joined(found, per_track) for track, found in parts.items()}


def facts_of(chunk: tuple[str, range]) -> TrackFacts:
    """The facts of some videos of a track."""
    track, seeds = chunk
    scripts = [make_script("test", track, seed) for seed in seeds]
    rows = [(scene_rows(script), _shown(script)) for script in scripts]
    return TrackFacts(
        [question for script in scripts for question in worded(script)],
        [layout for script in scripts for layout in layouts(script)],
        np.concatenate([rows_NF[shown_N] for rows_NF, shown_N in rows]),
        np.concatenate([rows_NF[~shown_N] for rows_NF, shown_N in rows]),
    )


def worded(script: Script) -> list[WordedQuestion]:
    return [WordedQuestion(q.track, q.template, q.text, q.options, q.answer) for q in script.questions]


def layouts(script: Script) -> list[EvidenceLayout]:
    return [EvidenceLayout(f"{script.track}-{script.seed}", script.duration, q.evidence) for q in script.questions]


def scene_rows(script: Script) -> np.ndarray:
    """FACTS of every scene, [N, F]: numbers, and 1 or 0 for a neighbour that shows the same or not."""
    scenes = script.scenes
    starts_N, ends_N = (np.array([getattr(s, end) for s in scenes]) for end in ("start", "end"))
    lengths_N = ends_N - starts_N
    columns = {
        "position": (starts_N + ends_N) / 2 / script.duration,
        "length": lengths_N,
        "brightness": np.array([s.pose.light for s in scenes], float),
        "length before": _moved(lengths_N, 1),
        "length after": _moved(lengths_N, -1),
    }
    steps = {"before": 1, "after": -1, "two before": 2, "two after": -2, "three before": 3}
    values = {"person": "who", "place": "place", "item": "item"}
    for name in FACTS[len(columns) :]:
        what, where = name.split(" ", 1)
        columns[name] = _same(np.array([getattr(s.moment, values[what]) for s in scenes], float), steps[where])
    return np.stack([columns[name] for name in FACTS], 1)


def _moved(values_N: np.ndarray, by: int) -> np.ndarray:
    """The value ``by`` scenes earlier (later, where negative); nan where there is none."""
    moved_N = np.full(len(values_N), np.nan)
    if abs(by) < len(values_N):
        here, there = (slice(by, None), slice(None, -by)) if by > 0 else (slice(None, by), slice(-by, None))
        moved_N[here] = values_N[there]
    return moved_N


def _same(values_N: np.ndarray, by: int) -> np.ndarray:
    moved_N = _moved(values_N, by)
    return np.where(np.isnan(moved_N), np.nan, moved_N == values_N)


def _shown(script: Script) -> np.ndarray:
    """bool [N]: evidence of some question."""
    evidence = {start for question in script.questions for start, _ in question.evidence}
    return np.array([scene.start in evidence for scene in script.scenes])


def _joined(parts: list[TrackFacts], questions: int) -> TrackFacts:
    return TrackFacts(
        list(chain.from_iterable(part.questions for part in parts))[:questions],
        list(chain.from_iterable(part.layouts for part in parts))[:questions],
        np.concatenate([part.evidence_NF for part in parts]),
        np.concatenate([part.others_NF for part in parts]),
    )
