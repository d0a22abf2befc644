"""``msjoe select --format``: key-frames in the forms of VideoITG, AKS, BOLT and TSPO.

From a rule on score lists, or from the folder of a run. The forms of VideoITG, AKS and TSPO hold frame numbers of the
source. A rule's choice has them where ``--pool`` says which frame each score is of; everything else is known in
seconds, and becomes numbers by the videos themselves (``--videos``) or by their rates (``--rates``).
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from msjoe.data import BENCHMARKS, Record, VideoFolder, load_benchmark
from msjoe.data.formats import parse_json, read_entries, read_text
from msjoe.errors import UserError
from msjoe.evaluation.exchange import KeyFrames, read_key_frames, written
from msjoe.evaluation.run_folder import read_config

Lists = list[Sequence[float] | None]  # in the annotation file's order


def of_rule(args: argparse.Namespace, chosen: Sequence[Sequence[int]]) -> str:
    """Text of the file for a rule's index lists. Raises UserError for what is missing to write it."""
    records = load_benchmark(args.benchmark, args.annotations) if args.annotations else []
    if records and len(records) != len(chosen):
        raise UserError(
            f"{len(chosen)} score lists and {len(records)} questions in {args.annotations}: not one for each"
        )
    if not args.pool:
        return _text(args, [list(map(float, indices)) for indices in chosen], records)
    if args.format == "bolt":
        raise UserError("BOLT's form holds seconds and --pool frame numbers: leave --pool out, or choose another form")
    return written(args.format, _pooled(args.pool, chosen), records, _entries(args, records))


def of_run(args: argparse.Namespace) -> str:
    """Text of the file for an arm of a run. Raises UserError for what is missing to write it."""
    benchmark = read_config(Path(args.name))["settings"]["benchmark"]
    if not args.annotations:
        raise UserError(f"{args.name} is a run on {benchmark}: give its --annotations, whose order the forms go by")
    args.benchmark = benchmark
    records = load_benchmark(benchmark, args.annotations)
    found = _arm(read_key_frames(Path(args.name), records), args.arm)
    return _text(args, [found.lists.get(record.id) for record in records], records)


def check_flags(args: argparse.Namespace) -> None:
    """Raises UserError for flags that do not go together, before anything is read."""
    if args.annotations and not args.benchmark and not Path(args.name).is_dir():
        raise UserError("--annotations needs --benchmark: say whose file it is")
    if args.benchmark and args.benchmark not in BENCHMARKS:
        raise UserError(f"no benchmark is called {args.benchmark!r}: choose one of {', '.join(BENCHMARKS)}")
    if args.format in ("bolt", "tspo") and not args.annotations:
        raise UserError(f"the form of {args.format} names the questions: give --benchmark and --annotations")
    if args.format != "bolt" and not (args.pool or args.videos or args.rates):
        raise UserError(
            f"the form of {args.format} holds frame numbers: give --pool (the frame of each score), or the --videos or "
            f"their --rates"
        )
    if (args.videos or args.rates) and not args.annotations:
        raise UserError("--videos and --rates go by the questions' videos: give --benchmark and --annotations")
    for path in (args.annotations, args.pool, args.videos, args.rates):
        if path and not path.exists():
            raise UserError(f"there is no {path}: check the path")


def read_rates(path: Path) -> dict[str, float]:
    """{video: frames a second} from a JSON file. Raises UserError."""
    rates = parse_json(read_text(path), str(path))
    good = isinstance(rates, dict) and all(type(fps) in (int, float) and 0 < fps <= 1000 for fps in rates.values())
    if not good:
        raise UserError(f'{path} must be an object {{"video.mp4": 29.97}} of frames a second')
    return {video: float(fps) for video, fps in rates.items()}


def _text(args: argparse.Namespace, seconds: Lists, records: Sequence[Record]) -> str:
    lists = seconds if args.format == "bolt" else _numbered(args, seconds, records)
    return written(args.format, lists, records, _entries(args, records))


def _numbered(args: argparse.Namespace, seconds: Lists, records: Sequence[Record]) -> Lists:
    """Frame numbers for seconds, by the videos or their rates."""
    folder = VideoFolder(args.videos) if args.videos else None
    rates = read_rates(args.rates) if args.rates else {}
    sources: dict[str, object] = {}
    lists: Lists = []
    for record, times in zip(records, seconds, strict=True):
        if times is None:
            lists.append(None)
        elif record.video in rates:
            lists.append([round(t * rates[record.video]) for t in times])
        elif folder:
            from msjoe.video import open_video

            if record.video not in sources:  # one at a time: questions about a video follow one another
                sources = {record.video: open_video(folder.find(record))}
            lists.append(sources[record.video].frame_numbers(times))
        else:
            raise UserError(f"{args.rates} has no rate of {record.video}: add it, or give --videos")
    return lists


def _pooled(path: Path, chosen: Sequence[Sequence[int]]) -> Lists:
    """Frame numbers of chosen places, from a JSON list of lists beside the scores."""
    pools = parse_json(read_text(path), str(path))
    wanted = "give a JSON list with the frame numbers of every score list"
    if not isinstance(pools, list) or len(pools) != len(chosen):
        raise UserError(f"{path} does not hold {len(chosen)} lists, as there are score lists: {wanted}")
    lists: Lists = []
    for index, (pool, places) in enumerate(zip(pools, chosen, strict=True)):
        if not isinstance(pool, list) or not all(type(n) in (int, float) and n >= 0 for n in pool):
            raise UserError(f"list {index} of {path} (the first is 0) is not one of frame numbers: {wanted}")
        if max(places, default=-1) >= len(pool):
            raise UserError(f"list {index} of {path} has {len(pool)} numbers, fewer than there are scores: {wanted}")
        lists.append([pool[place] for place in places])
    return lists


def _entries(args: argparse.Namespace, records: Sequence[Record]) -> list[dict]:
    """The annotation file's own, which TSPO's form repeats."""
    if args.format != "tspo":
        return []
    entries = [entry for _, entry in read_entries(args.annotations)] if args.annotations.is_file() else []
    if len(entries) != len(records):
        raise UserError(
            f"TSPO's form repeats the annotation file's entries, and {args.annotations} has not one for each question: "
            f"give a single JSON file, or choose another form"
        )
    return entries


def _arm(found: Sequence[KeyFrames], arm: str | None) -> KeyFrames:
    names = [frames.name.partition(": ")[2] for frames in found]
    if arm is None and len(found) == 1:
        return found[0]
    if arm not in names:
        raise UserError(f"--arm is {arm!r}: choose one of {', '.join(names)}")
    return found[names.index(arm)]
