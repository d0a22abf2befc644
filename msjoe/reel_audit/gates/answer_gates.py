"""Gates 3 to 8: pure functions from the rows of ``video_answers`` to Gates.

Accuracies are means of the tracks' accuracies, in points; intervals resample videos, and differences are paired on the
same questions. Gate 6 asks that accuracy does not *fall*: a step fails when its whole interval lies below 0. (A bound
on the value itself would fail a world without any fall every few runs: a step's standard error is above 1 point.)

Shapes: N questions.
"""

from collections.abc import Sequence
from itertools import pairwise

from msjoe.evaluation import bootstrap_mean, paired_difference
from msjoe.evaluation.plan import Arm
from msjoe.reel.script.records import TRACKS
from msjoe.reel_audit.gates.gate import Gate, share_gate
from msjoe.reel_audit.gates.scene_facts import SPREAD
from msjoe.reel_audit.gates.video_answers import (
    AKS_IDEAL,
    AKS_OWN,
    AKS_QUESTION,
    BEST,
    BUDGET,
    BUDGETS,
    FILE_ARMS,
    TOPK_IDEAL,
    TOPK_OWN,
    UNIFORM,
    UNSEEN,
)

Points = tuple[float, float, float]  # value and interval


class ArmAnswers:
    """Rows by arm and question."""

    def __init__(self, rows: Sequence[dict]) -> None:
        self.by_arm: dict[str, dict[str, dict]] = {}
        for row in rows:
            self.by_arm.setdefault(row["arm"], {})[row["id"]] = row

    def accuracy(self, arm: Arm, tracks: Sequence[str] = TRACKS) -> Points:
        rows = [row for row in self.by_arm[arm.name].values() if row["group"] in tracks]
        hits_N, videos_N, groups_N = zip(*((row["right"], row["video"], row["group"]) for row in rows), strict=True)
        return _points(bootstrap_mean(hits_N, videos_N, groups_N=groups_N))

    def minus(self, a: str, b: str, tracks: Sequence[str] = TRACKS, of: str = "right") -> Points:
        """Arm ``a`` minus arm ``b`` (names) in column ``of``, on the questions that both answered."""
        pairs = [(row, self.by_arm[b][name]) for name, row in self.by_arm[a].items() if row["group"] in tracks]
        first = [row for row, _ in pairs]
        videos_N, groups_N = ([row[key] for row in first] for key in ("video", "group"))
        a_N, b_N = ([row[of] for row in side] for side in zip(*pairs, strict=True))
        return _points(paired_difference(a_N, b_N, videos_N, groups_N=groups_N))


def answer_gates(number: int, rows: Sequence[dict]) -> list[Gate]:
    """The gates with number 3, 4, 5, 6 or 7."""
    return {3: _question, 4: _asking, 5: _range, 6: _budgets, 7: _score}[number](ArmAnswers(rows))


def file_gates(drawn: Sequence[dict], filed: Sequence[dict]) -> list[Gate]:
    """The same questions from drawn pictures and from files, over all of FILE_ARMS."""
    pairs = {(row["id"], row["arm"]): row for row in drawn}
    hits = [(row["right"], pairs[row["id"], row["arm"]]["right"], row["video"]) for row in filed]
    points = _points(paired_difference(*zip(*hits, strict=True)))
    arms = ", ".join(arm.name for arm in FILE_ARMS)
    same = [row["letter"] == pairs[row["id"], row["arm"]]["letter"] for row in filed]
    return [
        Gate("8 files", f"accuracy from files minus drawn ({arms})", *points, at_least=-2, at_most=2),
        share_gate("8 files", "same letter from both", same),
    ]


def _question(answers: ArmAnswers) -> list[Gate]:
    """Fair, but weaker than what asking well brings."""
    uniform = UNIFORM[BUDGET].name
    others = (
        ("ideal query minus own queries", AKS_IDEAL, AKS_OWN),
        ("own queries minus question", AKS_OWN, AKS_QUESTION),
    )
    return [
        Gate("3 question", "question as query minus uniform", *answers.minus(AKS_QUESTION.name, uniform), at_least=5),
        Gate(
            "3 question",
            "question as query minus ideal query",
            *answers.minus(AKS_QUESTION.name, AKS_IDEAL.name),
            at_most=-10,
        ),
        *(Gate("3 question", name, *answers.minus(a.name, b.name)) for name, a, b in others),
        *(
            Gate(
                "3 question",
                f"ideal query minus question, {track}",
                *answers.minus(AKS_IDEAL.name, AKS_QUESTION.name, [track]),
            )
            for track in TRACKS
        ),
    ]


def _asking(answers: ArmAnswers) -> list[Gate]:
    """Clearly worse: the whole interval of the difference lies above 0."""
    points = answers.minus(TOPK_OWN.name, UNSEEN, SPREAD, "evidence")
    right = answers.minus(TOPK_OWN.name, UNSEEN, SPREAD)
    return [
        Gate("4 asking", "evidence of top-k, 4 previews minus 0", *points, at_least=0, judged="low"),
        Gate("4 asking", "accuracy of top-k, 4 previews minus 0", *right),
    ]


def _range(answers: ArmAnswers) -> list[Gate]:
    uniform = UNIFORM[BUDGET]
    arms = ((f"{BUDGET} uniform frames", uniform), ("oracle's frames", BEST))
    return [
        Gate("5 range", "8 uniform frames", *answers.accuracy(uniform), at_least=35, at_most=50),
        Gate("5 range", "oracle's frames", *answers.accuracy(BEST), at_least=80, at_most=92),
        *(
            Gate("5 range", f"{name}, {track}", *answers.accuracy(arm, [track]))
            for name, arm in arms
            for track in TRACKS
        ),
    ]


def _budgets(answers: ArmAnswers) -> list[Gate]:
    steps = [*pairwise(BUDGETS), (BUDGETS[0], BUDGETS[-1])]
    return [
        Gate(
            "6 budget",
            f"uniform, {more} frames minus {fewer}",
            *answers.minus(UNIFORM[more].name, UNIFORM[fewer].name),
            at_least=0,
            judged="high",
        )
        for fewer, more in steps
    ]


def _score(answers: ArmAnswers) -> list[Gate]:
    """Well below: 10 points; close: within 10."""
    wanted = {"order": {"at_least": 10}, "multi": {"at_least": 10}, "needle": {"at_least": -10, "at_most": 10}}
    return [
        Gate("7 score", f"oracle minus ideal query + top-k, {t}", *answers.minus(BEST.name, TOPK_IDEAL.name, [t]), **w)
        for t, w in wanted.items()
    ]


def _points(shares: Sequence[float]) -> Points:
    value, low, high = (100 * share for share in shares)
    return value, low, high
