"""The work of ``msjoe recall``: evidence, selections and rates in, figures out."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
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
from msjoe.evaluation.recall import Scenes, hits, recall_difference, recall_of
from msjoe.evaluation.recall_command import TOLERANCE
from msjoe.evaluation.run_folder import CONFIG, read_config
from msjoe.reel.script.records import TRACKS
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
    if args.benchmark == "reel":  # which has more questions than any run asks
        records = [record for record in records if any(record.id in found.lists for found in selections)]
    rates = _rates(args, records, selections, tolerance)
    known = _evidence(args, records, tolerance, rates)
    notes = [*known.notes, *rates.notes(), *(line for found in selections for line in found.notes(records))]
    videos = {record.id: record.video for record in records}
    lines = []
    for name, draws in _by_arm(selections).items():
        times = [_seconds(found, videos, rates.fps()) for found in draws]
        if lost := len(draws[0].lists) - len(times[0]):
            notes.append(f"{lost} questions of {name} are about videos of unknown rate: left out")
        lines.append(_measured(name, draws[0].budget, times, records, known, args.benchmark == "kfsbench"))
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
    name: str,
    budget: int,
    draws: Sequence[Mapping[str, Sequence[float]]],
    records: Sequence[Record],
    known: Evidence,
    kfs: bool,
) -> dict:
    """{"name", "budget", "frames": mean number, "recall", "uniform", "minus_uniform"}, for kfsbench also "kfs" and
    "kfs_uniform". ``draws``: times by question id, of each draw of a rule that draws.

    "recall" and "uniform" as of ``recall_of``, on the same questions; "uniform" is ``msjoe eval``'s: evenly spread
    among the frames of every second, as many as the selection's longest list.
    """
    chosen, even, mine, lengths, figures, even_figures = [], [], [], [], [], []
    for times in draws:
        for record in records:
            if not times.get(record.id) or record.id not in known.scenes:
                continue
            scenes = known.scenes[record.id]
            chosen.append(_row(record, scenes, times[record.id]))
            lengths.append(len(times[record.id]))
            figures += [kfs_figures(scenes, times[record.id])] if kfs else []
            if record.duration:
                spread = uniform_times(record.duration, budget)
                even.append(_row(record, scenes, spread))
                mine.append(chosen[-1])
                even_figures += [kfs_figures(scenes, spread)] if kfs else []
    line = {
        "name": name,
        "budget": budget,
        "frames": float(np.mean(lengths)) if lengths else 0.0,
        "recall": recall_of(chosen),
        "uniform": recall_of(even),
        "minus_uniform": recall_difference(mine, even),
    }
    line |= {"kfs": kfs_means(figures)} if figures else {}
    return line | ({"kfs_uniform": kfs_means(even_figures)} if even_figures else {})


def _row(record: Record, scenes: Scenes, times: Sequence[float]) -> dict:
    return {"id": record.id, "video": record.video, "group": record.group, "hits": hits(scenes, times)}


def uniform_times(duration: float, budget: int) -> list[float]:
    """Seconds of ``msjoe eval``'s uniform frames."""
    return linspace_trunc(dense_count(duration, 1.0), budget).tolist()


def _by_arm(selections: Sequence[KeyFrames]) -> dict[str, list[KeyFrames]]:
    """The draws of an arm together."""
    found: dict[str, list[KeyFrames]] = {}
    for frames in selections:
        found.setdefault(frames.pooled or frames.name, []).append(frames)
    return found


def _unique(selections: Sequence[KeyFrames]) -> list[KeyFrames]:
    """Files of one name in different folders are numbered."""
    seen: dict[str, int] = {}
    named = []
    for found in selections:
        seen[found.name] = seen.get(found.name, 0) + 1
        if (number := seen[found.name]) > 1:
            pooled = f"{found.pooled} ({number})" if found.pooled else ""
            found = replace(found, name=f"{found.name} ({number})", pooled=pooled)
        named.append(found)
    return named
