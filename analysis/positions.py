"""At which rate LongVideoBench's ``position`` counts frames: a Markdown table by the source's rate.

    python analysis/positions.py lvb_val.json longvideobench_aks_64.json longvideobench_tspo_64.json

Frame numbers of the source would lie up to the source's rate times a video's length, and published selections would
hit them as often in videos of any rate. Needs lists in which frame numbers are of both kinds (see ``rates``).
"""

import argparse
from collections import defaultdict
from pathlib import Path

from msjoe.data import load_benchmark
from msjoe.data.rows import read_rows
from msjoe.evaluation import evidence
from msjoe.evaluation.exchange import read_key_frames
from msjoe.evaluation.rates import gathered, infer_rates
from msjoe.evaluation.recall import hits, share
from msjoe.evaluation.tables import table

LEAST_QUESTIONS = 50  # of a rate that gets a line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("annotations", type=Path)
    parser.add_argument("frames", type=Path, nargs="+")
    args = parser.parse_args()
    print(positions_table(args.annotations, args.frames))


def positions_table(annotations: Path, frames: list[Path]) -> str:
    """For each rate: questions, the largest position over the length, recall at 24 a second and at the source's."""
    records = load_benchmark("longvideobench", annotations)
    videos, lengths = {r.id: r.video for r in records}, {r.video: r.duration for r in records}
    found = [selection for path in frames for selection in read_key_frames(path, records)]
    numbers = {selection.name: gathered(selection.lists, videos) for selection in found}
    fps = infer_rates(numbers, lengths, {}, 1.0).fps()
    readings = [evidence.of_longvideobench(annotations, records, 1.0, rates).scenes for rates in (None, fps)]
    last = {row.name("id"): max(row.fields["position"]) for row in read_rows(annotations)}
    by_rate = defaultdict(list)
    for record in records:
        if record.video in fps and all(record.id in scenes for scenes in readings):
            by_rate[round(fps[record.video], 2)].append(record)
    rows = []
    for rate, asked in sorted(by_rate.items()):
        if len(asked) >= LEAST_QUESTIONS:
            largest = max(ratio for r in asked if (ratio := last[r.id] / r.duration) < 1000)  # one is corrupt
            row = [f"{rate:g}", str(len(asked)), f"{largest:.2f}"]
            for selection in found:
                for scenes in readings:
                    shown = [
                        share(hits(scenes[r.id], [n / fps[r.video] for n in selection.lists[r.id]])) for r in asked
                    ]
                    row.append(f"{100 * sum(shown) / len(shown):.1f}")
            rows.append(row)
    head = ["source's rate", "questions", "largest position / length"]
    head += [f"{selection.name}, {reading}" for selection in found for reading in ("at 24", "at the source's")]
    return table(head, rows)


if __name__ == "__main__":
    main()
