"""The work of ``msjoe recall``: evidence, selections and rates in, figures out."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from msjoe.data import Record, load_benchmark, reel_records
from msjoe.errors import UserError
from msjoe.evaluation import evidence
from msjoe.evaluation.evidence import Evidence
from msjoe.evaluation.exchange import FRAMES, KeyFrames, read_key_frames
from msjoe.evaluation.kfs import kfs_figures, kfs_means
from msjoe.evaluation.published import MANIFEST, Published
from msjoe.evaluation.rates import Rates, gathered, infer_rates
from msjoe.evaluation.recall import hits, recall_difference, recall_of
from msjoe.evaluation.recall_command import TOLERANCE
from msjoe.evaluation.run_folder import CONFIG, read_config
from msjoe.reel.script import TRACKS
from msjoe.select_format import read_rates
from msjoe.selectors.plain import linspace_trunc
from msjoe.video.base import dense_count


def recall_table(args: argparse.Namespace) -> dict:
    """{"benchmark", "tolerance", "positions_at", "questions", "notes", "selections": [...]}; see ``_measured``.

    Raises UserError for files that cannot be read or do not belong together.
    """
    tolerance = TOLERANCE[args.benchmark] if args.tolerance is None else args.tolerance
    records = _records(args)
    selections = _unique([found for path in args.frames for found in read_key_frames(path, records)])
    rates = _rates(args, records, selections, tolerance)
    known = _evidence(args, records, tolerance, rates)
    notes = [*known.notes, *rates.notes(), *(line for found in selections for line in found.notes(records))]
    videos = {record.id: record.video for record in records}
    lines = []
    for found in selections:
        times = _seconds(found, videos, rates.fps())
        line = _measured(found, times, records, known, args.benchmark == "kfsbench")
        if lost := len(found.lists) - len(times):
            notes.append(f"{lost} questions of {found.name} are about videos of unknown rate: left out")
        lines.append(line)
    return {
        "benchmark": args.benchmark,
        "tolerance": tolerance,
        "positions_at": args.positions_at if args.benchmark == "longvideobench" else None,
        "questions": len(known.scenes),
        "notes": notes,
        "selections": lines,
    }


def _records(args: argparse.Namespace) -> list[Record]:
    if args.benchmark == "reel":
        return _reel_records(args)
    return load_benchmark(args.questions if args.benchmark == "kfsbench" else args.benchmark, args.annotations)


def _reel_records(args: argparse.Namespace) -> list[Record]:
    """Those that the runs asked; all of the split where there is another selection. Raises UserError."""
    asked = [_settings(path) for path in args.frames]
    for path, settings in zip(args.frames, asked, strict=True):
        if settings.get("split", args.split) != args.split:
            raise UserError(f"{path} is a run on Reel's split {settings['split']}: give --split {settings['split']}")
    tracks = {track for settings in asked for track in settings.get("tracks") or TRACKS}
    limits = [settings.get("limit") for settings in asked]
    limit = None if None in limits else max(limits)
    return reel_records(args.split, [track for track in TRACKS if track in tracks], limit)


def _settings(path: Path) -> dict:
    """Of a run, or of one that was published; {} for other selections."""
    if (path / MANIFEST).is_file():
        return Published(path).settings
    return read_config(path)["settings"] if (path / CONFIG).is_file() else {}


def _evidence(args: argparse.Namespace, records: Sequence[Record], tolerance: float, rates: Rates) -> Evidence:
    if args.benchmark == "longvideobench":
        source = rates.fps() if args.positions_at == "source" else None
        return evidence.of_longvideobench(args.annotations, records, tolerance, source)
    if args.benchmark == "lvbench":
        return evidence.of_lvbench(args.annotations, records, tolerance)
    if args.benchmark == "kfsbench":
        return evidence.of_kfsbench(args.scenes, records, tolerance)
    return evidence.of_reel(records)


def _rates(
    args: argparse.Namespace, records: Sequence[Record], selections: Sequence[KeyFrames], tolerance: float
) -> Rates:
    """Of the videos that frame numbers are given of."""
    videos = {record.id: record.video for record in records}
    numbers = {found.name: gathered(found.lists, videos) for found in selections if found.unit == FRAMES}
    if not numbers:
        return Rates({}, {}, {})
    given = evidence.of_lvbench(args.annotations, records, 0).rates if args.benchmark == "lvbench" else {}
    return infer_rates(
        numbers,
        {r.video: r.duration for r in records},
        given | (read_rates(args.rates) if args.rates else {}),
        max(tolerance, 1.0),
    )


def _seconds(found: KeyFrames, videos: Mapping[str, str], fps: Mapping[str, float]) -> dict[str, tuple[float, ...]]:
    """By question id; without questions about videos of unknown rate."""
    if found.unit != FRAMES:
        return found.lists
    known = {name: numbers for name, numbers in found.lists.items() if videos[name] in fps}
    return {name: tuple(n / fps[videos[name]] for n in numbers) for name, numbers in known.items()}


def _measured(
    found: KeyFrames, times: Mapping[str, Sequence[float]], records: Sequence[Record], known: Evidence, kfs: bool
) -> dict:
    """{"name", "budget", "frames": mean number, "recall", "uniform", "minus_uniform"}, for kfsbench also "kfs" and
    "kfs_uniform". "recall" and "uniform" as of ``recall_of``, on the same questions; "uniform" is ``msjoe eval``'s:
    evenly spread among the frames of every second, as many as the selection's longest list."""
    asked = [record for record in records if times.get(record.id) and record.id in known.scenes]
    timed = [record for record in asked if record.duration]
    chosen = partial(_rows, scenes=known.scenes)
    spread = {record.id: uniform_times(record.duration, found.budget) for record in timed}
    mine, even = chosen(asked, times=times), chosen(timed, times=spread)
    comparable = chosen(timed, times=times)
    line = {
        "name": found.name,
        "budget": found.budget,
        "frames": float(np.mean([len(times[record.id]) for record in asked])) if asked else 0.0,
        "recall": recall_of(mine),
        "uniform": recall_of(even),
        "minus_uniform": recall_difference(comparable, even),
    }
    if kfs and asked:
        line["kfs"] = kfs_means([kfs_figures(known.scenes[r.id], times[r.id]) for r in asked])
    if kfs and timed:
        line["kfs_uniform"] = kfs_means([kfs_figures(known.scenes[r.id], spread[r.id]) for r in timed])
    return line


def uniform_times(duration: float, budget: int) -> list[float]:
    """Seconds of ``msjoe eval``'s uniform frames."""
    return linspace_trunc(dense_count(duration, 1.0), budget).tolist()


def _rows(records: Sequence[Record], scenes: Mapping, times: Mapping[str, Sequence[float]]) -> list[dict]:
    return [
        {"video": record.video, "group": record.group, "hits": hits(scenes[record.id], times[record.id])}
        for record in records
    ]


def _unique(selections: Sequence[KeyFrames]) -> list[KeyFrames]:
    """Files of one name in different folders are numbered."""
    seen: dict[str, int] = {}
    named = []
    for found in selections:
        seen[found.name] = seen.get(found.name, 0) + 1
        named.append(found if seen[found.name] == 1 else replace(found, name=f"{found.name} ({seen[found.name]})"))
    return named
