"""Stage 0: how often the base MLLM answers each training question right, and what it asks for.

    msjoe train difficulty --config configs/reel-pilot.yaml --out runs/pilot
    accelerate launch --config_file configs/accelerate/cpu2.yaml -m msjoe train difficulty --config ... --out ...

For every question the MLLM writes its queries once, greedily; half of the tries then answer from the frames that
the stand-in rule chooses by them, half from uniform frames, at temperature 1. (The paper says that c is the base
MLLM's pass rate and leaves tries and frames open.) The tries of a kind share one computed prompt. Writes

    OUT/difficulty/ratings.jsonl         a line for each question: tries, right ones, queries and their spans
    OUT/difficulty/informativeness.json  the transform of ``rewards``, fitted on those spans

and fills the cache of CLIP features, so that no later stage encodes a training frame again. Questions with
c = 1 stay in the table and are dropped by the stages that read it.
"""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np

from msjoe.clip import similarity
from msjoe.data import Record
from msjoe.errors import UserError
from msjoe.evaluation.footage import Footage
from msjoe.evaluation.shards import Shard
from msjoe.files import remove_leftovers, write_atomic, writing
from msjoe.jsonl import append_lines, read_lines
from msjoe.mllm import Shown
from msjoe.prompts import parse_queries
from msjoe.rl.pool import Rated, Videos, load_parts, training_records
from msjoe.rl.recipe import Recipe
from msjoe.rl.rewards import PositiveTransform, accuracy, fit_transform, spans
from msjoe.rl.stage_folder import KEPT
from msjoe.rl.turns import ANSWER, REASON, Speaker, generator
from msjoe.run_lock import run_lock
from msjoe.selectors import build_selector
from msjoe.selectors.base import ScoreSet

log = logging.getLogger(__name__)

FOLDER, RATINGS = "difficulty", "ratings.jsonl"
FRAMES = ("standin", "uniform")
REPORT_SECONDS = 30.0


def run_difficulty(recipe: Recipe, out: Path, resume: bool = False) -> list[dict]:
    """Rate every training question; returns the table.

    Raises UserError for a folder that holds ratings already, unless ``resume``; BusyError while another run rates in
    it; PathError when something cannot be written.
    """
    folder = out / FOLDER
    with Shard.of_environment() as shard:
        check_new(folder, resume)
        shard.wait()  # until all have looked
        with _held(folder) if shard.rank == 0 else nullcontext():
            shard.wait()
            records = training_records(recipe.data)
            _rate_own(records, shard, recipe, folder)
            shard.wait()
            return _merge(folder, records) if shard.rank == 0 else []


def check_new(folder: Path, resume: bool) -> None:
    """Raises UserError for a folder that holds ratings already, unless ``resume``."""
    if not resume and any(folder.glob("ratings*.jsonl")):
        raise UserError(f"{folder} already holds ratings: add --resume to go on, or choose another --out")


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    with run_lock(folder):
        with writing(folder, KEPT):
            remove_leftovers(folder)
        yield


def _rate_own(records: Sequence[Record], shard: Shard, recipe: Recipe, folder: Path) -> None:
    """The videos of this process that no process has rated yet."""
    done = {row["id"] for path in folder.glob("ratings-*.jsonl") for row in read_lines(path)}
    by_video: dict[str, list[Record]] = {}
    for record in records:
        by_video.setdefault(record.video, []).append(record)
    films = [film for film in shard.own(list(by_video.values())) if not {r.id for r in film} <= done]
    log.info("rating %d videos, %d of %d questions are done", len(films), len(done), len(records))
    if films:
        models = load_parts(recipe.models, shard.device("auto"))
        videos = Videos(recipe.data, models, recipe.rollout.dense_fps)
        _rate_all(films, done, videos, recipe, folder / f"ratings-{shard.rank}.jsonl")


def read_pool(out: Path, records: Sequence[Record]) -> list[Rated]:
    """The rated questions that are not too easy (c < 1). Raises UserError where there are none."""
    path = out / FOLDER / RATINGS
    if not path.is_file():
        raise UserError(f'no {RATINGS} in {path.parent}: run "msjoe train difficulty" with this --out first')
    rows = {row["id"]: row for row in read_lines(path)}
    pool = [
        Rated(record, row["right"] / row["tries"], tuple(row["queries"]), row["reply"])
        for record in records
        if (row := rows.get(record.id)) and row["right"] < row["tries"]
    ]
    if not pool:
        raise UserError(f"no question of {path} is left to train on: all of them are answered right, or of other data")
    log.info("%d questions: %d rated, %d always right and dropped", len(pool), len(rows), len(rows) - len(pool))
    return pool


def _rate_all(films: list[list[Record]], done: set[str], videos: Videos, recipe: Recipe, path: Path) -> None:
    speaker = Speaker(videos.models.mllm, recipe.rollout.max_queries, batch=recipe.rollout.batch)
    start = told = time.monotonic()
    for number, film in enumerate(films, 1):
        rows = list(_rate_film([r for r in film if r.id not in done], videos, speaker, recipe))
        with writing(path, KEPT):
            append_lines(path, rows)
        if time.monotonic() - told > REPORT_SECONDS or number == len(films):
            told = time.monotonic()
            left = (told - start) / number * (len(films) - number) / 60
            log.info("difficulty: %d of %d videos, %.0f min left", number, len(films), left)


def _rate_film(film: list[Record], videos: Videos, speaker: Speaker, recipe: Recipe) -> Iterator[dict]:
    footage = videos.footage(film[0])
    if footage is None:
        return
    how, device = recipe.rollout, speaker.mllm.device
    times, previews = footage.previews(speaker.mllm.preview_count(how.settings))
    asked = [Shown(r.question, r.options, previews, times) for r in film]
    silent = [generator(device, "greedy")] * len(film)  # greedy: nothing is drawn
    replies = [said[0].text for said in speaker.say(REASON, asked, 1, 0.0, silent)]
    queries = [tuple(parse_queries(reply, how.max_queries).queries) for reply in replies]
    sims = [
        similarity(footage.text_QD(q or (r.question,)), footage.feats_TD) for q, r in zip(queries, film, strict=True)
    ]
    tried = [_shown(r, sim, kind, footage, how.budget) for r, sim in zip(film, sims, strict=True) for kind in FRAMES]
    tries = recipe.difficulty.tries // len(FRAMES)
    keys = [generator(device, "rating", recipe.seed, r.id, k) for r in film for k in range(len(FRAMES))]
    said = speaker.say(ANSWER, tried, tries, recipe.difficulty.temperature, keys)
    right = [[accuracy(one.text, s.options, r.answer) for one in group] for s, group, r in _with(tried, said, film)]
    for i, record in enumerate(film):
        counts = {kind: int(sum(right[i * len(FRAMES) + k])) for k, kind in enumerate(FRAMES)}
        yield {
            "id": record.id,
            "video": record.video,
            "right": sum(counts.values()),
            "tries": tries * len(FRAMES),
            **{f"right_{kind}": count for kind, count in counts.items()},
            "queries": list(queries[i]),
            "reply": replies[i],
            "spans": [round(float(s), 5) for s in spans(sims[i])] if queries[i] else [],
        }


def _with(tried: list, said: list, film: list[Record]) -> Iterator[tuple]:
    return zip(tried, said, [record for record in film for _ in FRAMES], strict=True)


def _shown(record: Record, sim_QT: np.ndarray, rule: str, footage: Footage, budget: int) -> Shown:
    picked = build_selector(rule).select(ScoreSet(sim_QT, footage.times_T), budget)
    return show(record, footage, picked.indices)


def show(record: Record, footage: Footage, indices: Sequence[int]) -> Shown:
    """Turn 2's pictures: dense frames by number, in order of time, at full size."""
    pixels = footage.models.mllm.frame_pixels
    times = [round(float(footage.times_T[i]), 3) for i in sorted(indices)]
    pictures = footage.pictures({(t, pixels) for t in times})
    return Shown(record.question, record.options, [pictures[t, pixels] for t in times], times)


def _merge(folder: Path, records: Sequence[Record]) -> list[dict]:
    """One table in the order of the data, and the transform."""
    rows = {row["id"]: row for path in sorted(folder.glob("ratings-*.jsonl")) for row in read_lines(path)}
    table = [rows[record.id] for record in records if record.id in rows]
    text = "".join(json.dumps(row) + "\n" for row in table)
    transform = fit_transform([span for row in table for span in row["spans"]])
    with writing(folder, KEPT):
        write_atomic(folder / RATINGS, lambda path: path.write_text(text, encoding="utf-8"))
        transform.save(folder)
    log.info("%s", summary(table, transform))
    return table


def summary(table: Sequence[dict], transform: PositiveTransform) -> str:
    """One line about the ratings."""
    rates = np.array([row["right"] / row["tries"] for row in table])
    kinds = ", ".join(
        f"{k} {sum(r[f'right_{k}'] for r in table) / sum(r['tries'] / 2 for r in table):.1%}" for k in FRAMES
    )
    return (
        f"{len(table)} questions: right {rates.mean():.1%} ({kinds}); never {np.mean(rates == 0):.1%}, "
        f"always {np.mean(rates == 1):.1%}; informativeness exp({transform.sharpness:.2f} cos)"
    )
