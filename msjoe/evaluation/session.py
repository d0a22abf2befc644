"""One process's part of ``msjoe eval``: load, answer, wait for the others, and the first one's summary."""

import argparse
import json
import shlex
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from typing import TextIO

import torch

from msjoe import __version__
from msjoe.checkpoint_stamp import REEL_VERSION
from msjoe.errors import QuestionError, VideoError
from msjoe.estimate import rough_text
from msjoe.evaluation.again import Again, check_from, load_without_clip, same_letters
from msjoe.evaluation.choosing import build_rules
from msjoe.evaluation.command import SELECTORS, split_names, split_numbers, usual_flags
from msjoe.evaluation.exchange import KeyFrames
from msjoe.evaluation.failures import reasons, unanswered
from msjoe.evaluation.films import Library, Place
from msjoe.evaluation.given import GivenFrames, content_of, given_frames
from msjoe.evaluation.harness import Evaluation
from msjoe.evaluation.plan import Plan
from msjoe.evaluation.published import Published, Publisher
from msjoe.evaluation.report import report
from msjoe.evaluation.run_folder import RunFolder, check_config, check_place, read_config
from msjoe.evaluation.shards import Shard
from msjoe.evaluation.summary import summarise
from msjoe.loading import load_models
from msjoe.mllm import Mllm
from msjoe.selectors.base import Selector
from msjoe.steps import Models

PACKAGES = ("torch", "transformers", "open_clip_torch", "numpy")
TOLD_EVERY = 30.0  # seconds between two lines of progress where no line can be drawn again


def plan_from_args(args: argparse.Namespace, given: Sequence[KeyFrames] = ()) -> Plan:
    """``given``: the selections of --frames. Raises UserError for what cannot be run."""
    budgets = args.budget or ",".join(str(n) for n in sorted({frames.budget for frames in given})) or "8"
    selectors = SELECTORS if args.selectors is None and not given else args.selectors
    return Plan(
        benchmark=args.benchmark,
        selectors=split_names("uniform" if selectors is None else selectors),
        queries=split_names(args.queries),
        budgets=split_numbers("--budget", budgets),
        bounds=args.bounds,
        split=args.split,
        tracks=split_names(args.tracks),
        limit=args.limit,
        rows=args.rows,
        wording=args.wording or ("own" if args.benchmark in ("reel", "jsonl") else "benchmark"),
        seed=args.seed,
        draws=args.draws,
        previews=args.previews,
        max_queries=4,
        dense_fps=args.dense_fps,
        batch=args.batch,
        given=tuple((frames.name, frames.budget, content_of(frames)) for frames in given),
    )


def run_session(args: argparse.Namespace) -> None:
    """Answer this process's share of what is left; the first process merges and tells the result."""
    published = Published(args.published) if args.published else None
    if published:
        check_from(args, published, usual_flags())
    given = given_frames(args)
    plan = published.plan() if published else plan_from_args(args, given)
    rules = {} if published else build_rules(plan.arms(), plan.rows) | {r.name: r for r in map(GivenFrames, given)}
    publisher = Publisher(args.publish, plan) if args.publish else None
    library = Library(plan, Place(args.annotations, args.videos, args.subtitles), args.strict, args.max_minutes)
    if args.threads:
        torch.set_num_threads(args.threads)
    check_place(args.out, plan.to_json())
    started = time.perf_counter()
    with Shard.of_environment() as shard:
        device = shard.device(args.device)
        models = load_without_clip(args, published, device) if published else _models(args, device)
        check_prompts(plan, models.mllm)
        settings = _agree(args, plan, models, shard, published)
        folder = RunFolder(args.out, shard.rank, library.questions)
        folder.settings = settings
        traced = _traced(library, args.save_traces)
        if published:
            evaluation = Again(published, models, library, folder, traced, args.max_failed)
        else:
            evaluation = Evaluation(plan, models, library, folder, rules, traced, args.max_failed)
        evaluation.publisher = publisher
        _answer(evaluation, shard)
        shard.wait()
        if shard.rank == 0:
            told = {"wall_seconds": time.perf_counter() - started, "processes": shard.count}
            summary = _finish(evaluation, told)
            sys.stdout.write((folder.path / "summary.md").read_text(encoding="utf-8"))
            check_answered(summary)


def check_prompts(plan: Plan, mllm: Mllm) -> None:
    """Raises QuestionError for budgets and previews that no prompt of this MLLM can hold, before any is read."""
    context = mllm.model.config.get_text_config().max_position_embeddings
    most = max(arm.budget for arm in plan.arms())
    if most >= context:
        raise QuestionError(f"--budget is {most:,} and {mllm.id} reads {context:,} tokens: give fewer key-frames")
    if any(arm.queries == "own" for arm in plan.arms()):
        previews = max(mllm.preview_count(plan.settings(budget, "")) for budget in plan.budgets)
        mllm.check_reason("?", (), [0.0] * min(previews, context), plan.max_queries)


def check_answered(summary: dict) -> None:
    """Raises VideoError where a run ends without any answer."""
    if not summary["questions"]:
        first = summary["failed"][0]
        raise VideoError(f"no question could be answered: {first['video']}: {first['reason']}")


def _models(args: argparse.Namespace, device: str) -> Models:
    """Features of drawn videos are not kept on disk: they are quick, and a thousand of them are many."""
    cache = args.benchmark != "reel" and not args.no_cache
    return load_models(args.mllm, args.clip, args.sampler, args.load_in_4bit, device, cache)


def _agree(args: argparse.Namespace, plan: Plan, models: Models, shard: Shard, published: Published | None) -> dict:
    """The first process writes config.json before the others read it; returns the settings."""
    settings = plan.to_json() | {"mllm": models.mllm.id, "load_in_4bit": args.load_in_4bit, "clip": models.clip.id}
    settings |= {"msjoe": models.selector.name if published else describe(models.selector)}
    if published:
        settings["from"] = published.digest
    if plan.benchmark == "reel":
        settings["reel_version"] = REEL_VERSION
    else:
        settings |= {"annotations": str(args.annotations), "subtitles": args.subtitles is not None}
    facts = {
        "command": f"msjoe {shlex.join(sys.argv[1:])}",
        "versions": {"msjoe": __version__} | {name: version(name) for name in PACKAGES},
        "device": str(models.mllm.device),
    }
    if shard.rank == 0:
        check_config(args.out, settings, facts, write=True)
    shard.wait()
    check_config(args.out, settings, facts, write=False)
    return settings


def describe(selector: Selector) -> str:
    """What the name "msjoe" stands for in this run."""
    if selector.name == "standin":
        return "the training-free stand-in rule"
    if selector.name == "sampler":
        return f"the trained sampler {selector.model.source}"
    return f"the rule {selector.name}"


def _traced(library: Library, asked: str) -> set[str]:
    """Ids of the first so many questions of the run."""
    ids = [record.id for film in library.films for record in film.records]
    return set(ids if asked == "all" else ids[: int(asked)])


def _answer(evaluation: Evaluation, shard: Shard) -> None:
    films = shard.own(evaluation.library.films)
    left = [len(evaluation.left(film)) for film in films]
    progress = Progress(sum(left), sys.stderr, "" if shard.count == 1 else f"process {shard.rank}: ")
    progress.say(f"{sum(left)} questions about {sum(map(bool, left))} videos, {len(evaluation.arms)} answers to each")
    for _ in evaluation.run(films):
        progress.step()
    progress.say(f"answered in {progress.seconds / 60:.1f} min")


def _finish(evaluation: Evaluation, told: dict) -> dict:
    """Merge the answers, write summary.json and summary.md; returns the summary."""
    folder, library = evaluation.folder, evaluation.library
    arms = [arm.name for arm in evaluation.arms]
    rows = folder.merge([(r.id, arm) for film in library.films for r in film.records for arm in arms])
    done = {(row["id"], row["arm"]) for row in rows}
    failed = unanswered(library.films, done, evaluation.arms_of, reasons(folder.path))
    config = read_config(folder.path)
    summary = summarise(evaluation.plan, rows) | told | {"missing": library.missing, "failed": failed}
    if evaluation.publisher:
        evaluation.publisher.finish(rows, library.questions, config)
    if isinstance(evaluation, Again):
        summary["same_letters"] = same_letters(evaluation.published, rows)
    summary["without_frames"] = evaluation.absent()
    summary |= {"left_out": [entry["video"] for entry in failed], "max_failed": evaluation.failures.most}
    text = json.dumps({"config": config, **summary}, indent=1, ensure_ascii=False)
    folder.write("summary.json", text + "\n")
    folder.write("summary.md", report(config, summary))
    folder.tidy()
    return summary


class Progress:
    """How many questions are done, and how long the others will take; one line, drawn again on a terminal."""

    def __init__(self, total: int, out: TextIO, prefix: str) -> None:
        self.total, self.out, self.prefix = total, out, prefix
        self.done, self.started, self.told = 0, time.perf_counter(), 0.0

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.started

    def step(self) -> None:
        self.done += 1
        if not self.out.isatty() and self.seconds - self.told < TOLD_EVERY:
            return
        self.told = self.seconds
        left = rough_text((self.total - self.done) * self.seconds / self.done)
        line = f"{self.prefix}{self.done} of {self.total} questions, {left} left"
        self.out.write(f"\r\033[K{line}" if self.out.isatty() else f"{line}\n")
        self.out.flush()

    def say(self, text: str) -> None:
        """A line that stays."""
        self.out.write(f"\r\033[K{self.prefix}{text}\n" if self.out.isatty() else f"{self.prefix}{text}\n")
        self.out.flush()
