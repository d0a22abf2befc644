"""The summary for people: Markdown whose tables are aligned, so that a terminal shows it as it is."""

from collections.abc import Sequence

from msjoe.evaluation.loss_by_step import LOSSES
from msjoe.evaluation.tables import percent, signed, table

MOST_NAMED = 20  # of the videos that failed
LONGEST_REASON = 300  # characters
NOTES = """\
Intervals: 95 %, bootstrap over videos; a difference is paired, on the same questions. "rival": the best other
selector at this budget, bounds aside. Unreadable answers count as wrong. A rule's list of frames is shown as it
is, repeats included, also when it is shorter than the budget, or longer ("above K": how often); an empty list is
replaced by uniform frames ("empty": how often). A video with fewer frames than the budget is shown whole. Seconds and
visual tokens are those of a question, queries and features included; what several questions or arms share counts in
equal shares."""
REEL_NOTES = """\
"unseen": questions about compositions that never occur in training. "evidence": share of evidence scenes with a
shown frame. Bounds: black frames; ideal queries; oracle, a frame in each evidence scene."""
LOSS_NOTES = """\
Shares of a track's questions, in %, that were answered wrong and lost at the steps queries / clip / choice / misread.
queries: ideal queries would have led the same rule to the evidence; clip: with ideal queries it ranks too low;
choice: it ranks high enough and was passed over; misread: it was shown. The rules stand in
msjoe/evaluation/loss_by_step.py. In `order` no query can tell the second moment apart from others, so what counts
under clip there is not CLIP's fault alone."""


def report(config: dict, summary: dict) -> str:
    """Markdown from config.json and ``summarise``'s result, which also has "missing", "failed", "max_failed" and
    "wall_seconds" in it.
    """
    reel = config["settings"]["benchmark"] == "reel"
    parts = [_head(config, summary)]
    for budget in dict.fromkeys(arm["budget"] for arm in summary["arms"]):
        arms = [arm for arm in summary["arms"] if arm["budget"] == budget]
        parts += [f"## {budget} frames", _accuracies(arms, summary["headline"]), _groups(arms), _costs(arms)]
    parts += [NOTES, *([REEL_NOTES] if reel else [])]
    if summary["losses"]:
        parts += ["## Where wrong answers were lost", _losses(summary["losses"]), LOSS_NOTES]
    return "\n\n".join(parts) + "\n"


def _head(config: dict, summary: dict) -> str:
    settings = config["settings"]
    which = (
        f"reel {settings['split']}, version {settings['reel_version']}"
        if settings["benchmark"] == "reel"
        else settings["benchmark"]
    )
    lines = [
        f"# Evaluation: {which}",
        "",
        f"- {summary['questions']} questions about {summary['videos']} videos, seed {settings['seed']}",
        f"- MLLM {settings['mllm']}, CLIP {settings['clip']}; `msjoe` is {settings['msjoe']}",
        *_drawn(summary),
        f"- command: `{config['command']}`",
        f"- versions: {', '.join(f'{name} {number}' for name, number in config['versions'].items())}",
    ]
    if summary.get("wall_seconds"):
        lines.append(
            f"- {summary['wall_seconds'] / 60:.1f} min on {summary['processes']} processes, in the last session"
        )
    if names := summary.get("missing"):
        lines.append(f"- {len(names)} videos are missing: {', '.join(names)}")
    if "same_letters" in summary:
        same, count = summary["same_letters"]
        lines.append(f"- answered from published key-frames: {same} of {count} letters are the published ones")
    for name, ids in summary.get("without_frames", {}).items():
        more = ", ..." if len(ids) > MOST_NAMED else ""
        lines.append(f"- {len(ids)} questions have no frames in {name}: {', '.join(ids[:MOST_NAMED])}{more}")
    return "\n".join(lines + _failed(summary))


def _failed(summary: dict) -> list[str]:
    """The videos with questions that have no answer, and why."""
    if not (failed := summary.get("failed")):
        return []
    questions = sum(len(entry["questions"]) for entry in failed)
    lines = [
        f"- {len(failed)} videos could not be worked with, which leaves {questions} questions unanswered and out of "
        f"all numbers (a run stops above {summary['max_failed']:.0%} of its videos, see --max-failed):"
    ]
    lines += [f"  - {e['video']} ({len(e['questions'])} questions): {_line(e['reason'])}" for e in failed[:MOST_NAMED]]
    more = [f"  - and {len(failed) - MOST_NAMED} more, in summary.json"] if len(failed) > MOST_NAMED else []
    return lines + more


def _line(text: str) -> str:
    """A reason in one line of fair length."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_REASON else f"{text[:LONGEST_REASON]} ..."


def _drawn(summary: dict) -> list[str]:
    """Which selectors draw, and how often they did."""
    drawn = {arm["selector"]: arm["draws"] for arm in summary["arms"] if arm["draws"] > 1}
    return [f"- means of {max(drawn.values())} draws: {', '.join(drawn)}"] if drawn else []


def _accuracies(arms: Sequence[dict], headline: str) -> str:
    head = ["selector / queries", headline, "minus uniform", "minus rival", "rival"]
    rows = []
    for arm in arms:
        name = _short(arm["name"]) + (" (bound)" if arm["bound"] else "")
        differences = [signed(arm["minus_uniform"]), signed(arm["minus_rival"])]
        rows.append([name, percent(arm["headline"]), *differences, _short(arm["rival"])])
    return table(head, rows)


def _groups(arms: Sequence[dict]) -> str:
    """Accuracy by track; on Reel also on unseen compositions, and the evidence recall."""
    groups = list(arms[0]["groups"])
    extra = [name for name in ("unseen", "evidence") if name in arms[0]]
    rows = [
        [_short(arm["name"]), *(percent(arm["groups"].get(g)) for g in groups), *(percent(arm[name]) for name in extra)]
        for arm in arms
    ]
    return table(["selector / queries", *groups, *extra], rows)


def _costs(arms: Sequence[dict]) -> str:
    head = ["selector / queries", "seconds", "visual tokens", "frames", "unreadable", "empty", "above K"]
    rows = [
        [
            _short(arm["name"]),
            f"{arm['seconds']:.2f}",
            f"{arm['visual_tokens']:.0f}",
            f"{arm['frames']:.1f}",
            "" if arm["unreadable"] is None else f"{arm['unreadable']:.1%}",
            str(arm["fallbacks"]),
            str(arm["over_budget"]),
        ]
        for arm in arms
    ]
    return table(head, rows)


def _losses(lines: Sequence[dict]) -> str:
    groups = list(dict.fromkeys(line["group"] for line in lines))
    cells: dict[str, dict[str, str]] = {}
    for line in lines:
        shares = (f"{100 * line[step] / line['questions']:.0f}" for step in LOSSES)
        cells.setdefault(line["arm"], {})[line["group"]] = " / ".join(shares)
    return table(["arm", *groups], [[arm, *(found.get(g, "") for g in groups)] for arm, found in cells.items()])


def _short(name: str | None) -> str:
    """An arm's name without its budget."""
    return name.rpartition("/")[0] if name else ""
