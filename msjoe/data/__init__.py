"""Benchmarks as records: the four of the paper, Reel, and a JSONL file of one's own."""

import logging
from collections.abc import Callable
from pathlib import Path

from msjoe.data.jsonl import load_jsonl
from msjoe.data.longvideobench import load_longvideobench
from msjoe.data.lvbench import load_lvbench
from msjoe.data.mlvu import load_mlvu
from msjoe.data.record import Loaded, Record
from msjoe.data.reel import load_reel, reel_records, reel_source, reel_truth
from msjoe.data.subtitles import cues_at, subtitles_at
from msjoe.data.videomme import load_videomme
from msjoe.data.videos import VideoFolder, find_video, missing_note, split_present
from msjoe.data.wording import benchmark_prompt
from msjoe.errors import AnnotationError

__all__ = [
    "BENCHMARKS",
    "Loaded",
    "Record",
    "VideoFolder",
    "benchmark_prompt",
    "cues_at",
    "find_video",
    "load_benchmark",
    "missing_note",
    "read_benchmark",
    "reel_records",
    "reel_source",
    "reel_truth",
    "split_present",
    "subtitles_at",
]

log = logging.getLogger(__name__)

BENCHMARKS: dict[str, Callable[..., Loaded]] = {
    "videomme": load_videomme,
    "longvideobench": load_longvideobench,
    "lvbench": load_lvbench,
    "mlvu": load_mlvu,
    "jsonl": load_jsonl,
    "reel": load_reel,
}


def read_benchmark(name: str, path: str | Path, **how) -> Loaded:
    """The records of a benchmark's annotation file or folder, and notes on its oddities.

    For "reel", ``path`` is the split and ``how`` takes ``tracks`` and ``limit_videos``. Raises AnnotationError for a
    name that is not in BENCHMARKS and for a file in no form of that benchmark.
    """
    if name not in BENCHMARKS:
        raise AnnotationError(f"no benchmark is called {name!r}: choose one of {', '.join(BENCHMARKS)}")
    return BENCHMARKS[name](path, **how)


def load_benchmark(name: str, path: str | Path, **how) -> list[Record]:
    """As ``read_benchmark``, the records only; the notes are logged."""
    loaded = read_benchmark(name, path, **how)
    for line in loaded.notes:
        log.warning("%s: %s", name, line)
    return loaded.records
