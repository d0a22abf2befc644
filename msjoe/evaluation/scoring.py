"""Accuracy as each benchmark defines it. An answer that cannot be read is wrong, and stays in the denominator.

Every number is a share from 0 to 1, except those below ``as_published``: they have the name, scale and rounding
of the code that publishes them, given answers that can be read. (On others the originals differ: LongVideoBench's
draws a letter at random, Video-MME's official scorer drops the question, which is told apart here.)
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

# The key of the number that a benchmark's table is about; "accuracy" for all others.
HEADLINE = {"mlvu": "m_avg_macro"}
_ORDER = ("short", "medium", "long", "15", "60", "600", "3600", "needle", "order", "multi", "global")


def score(benchmark: str, rows: Sequence[dict]) -> dict:
    """Score answers, each a dict with "group", "labels", "answer" and "letter" (None: unreadable).

    Keys of the result: "n" questions scored; "unscored", those without a known answer; "accuracy"; "unreadable",
    a rate; "by_group" and "by_label", name -> accuracy, with "n_by_group" and "n_by_label"; "as_published". A
    question with several labels counts once for each of them. MLVU has "m_avg_macro", the mean of its tasks'
    accuracies, which its authors and lmms-eval publish, and "m_avg_micro", the share of all questions, which
    VLMEvalKit and TSPO publish under the same name. Rates over no question are None.
    """
    scored = [row for row in rows if row["answer"]]
    by_group = _by(scored, lambda row: [row["group"]])
    by_label = _by(scored, lambda row: dict.fromkeys(row["labels"]))
    result = {
        "benchmark": benchmark,
        "n": len(scored),
        "unscored": len(rows) - len(scored),
        "accuracy": _mean(_is_right(row) for row in scored),
        "unreadable": _mean(row["letter"] is None for row in scored),
        "by_group": {name: _mean(hits) for name, hits in by_group.items()},
        "n_by_group": {name: len(hits) for name, hits in by_group.items()},
        "by_label": {name: _mean(hits) for name, hits in by_label.items()},
        "n_by_label": {name: len(hits) for name, hits in by_label.items()},
    }
    if benchmark == "mlvu":
        result["m_avg_macro"] = _mean(result["by_group"].values())
        result["m_avg_micro"] = result["accuracy"]
    result["as_published"] = _as_published(benchmark, result) if scored else {}
    return result


def _is_right(row: dict) -> bool:
    return row["letter"] == row["answer"]


def _by(rows: Sequence[dict], names: Callable[[dict], Iterable[str]]) -> dict[str, list[bool]]:
    """Name -> whether each of its questions was answered right; groups with an order of their own in it."""
    hits = defaultdict(list)
    for row in rows:
        for name in names(row):
            hits[name].append(_is_right(row))
    order = {name: i for i, name in enumerate(_ORDER)}
    return {name: hits[name] for name in sorted(hits, key=lambda name: (order.get(name, len(order)), name))}


def _mean(values: Iterable[float]) -> float | None:
    values = list(values)
    return sum(values) / len(values) if values else None


def _as_published(benchmark: str, result: dict) -> dict[str, float]:
    """Under the names of lmms-eval 0.7.2 and of the official scorers.

    With ``--limit`` lmms-eval counts MLVU's tasks without a question as 0; here they are left out.
    """
    accuracy = result["accuracy"]
    if benchmark == "videomme":
        readable = 1 - result["unreadable"]
        official = {"official_without_unreadable": 100 * accuracy / readable} if readable else {}
        return {"videomme_perception_score": 100 * accuracy} | official
    if benchmark == "longvideobench":
        return {"lvb_acc": round(accuracy, 5)}
    if benchmark == "lvbench":
        return {"lvbench_score": accuracy}
    if benchmark == "mlvu":
        return {"mlvu_percetion_score": 100 * result["m_avg_macro"], "vlmevalkit_m_avg": 100 * result["m_avg_micro"]}
    return {}
