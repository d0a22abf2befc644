"""A line of answers.jsonl.

"id", "video", "group", "labels": the question's; "content": a digest of it (``questions.digest``). "arm",
"selector", "queries_from", "budget", "draw": the arm's.
"letter" (null: unreadable), "gold" and "right" (null: no known answer), "reply": the answer.
"queries"; "times" (seconds) and "tiers" of the chosen frames; "frames", how many; "visual_tokens" and "seconds"
by step, where what several questions or arms share counts in equal shares ("features": CLIP over the dense
frames). "same_as": null, or the arm that showed the same frames and whose reply this is. "fallback": whether the
rule chose no frame and uniform ones were shown. "notes"; "trace": a folder in the run's, or null.
"truth": the analysis of ``loss_by_step``; null where the benchmark has no truth to look at.
"""

from msjoe.data import Record
from msjoe.evaluation import extract_answer
from msjoe.evaluation.plan import Arm
from msjoe.evaluation.questions import digest
from msjoe.remarks import NO_FRAME
from msjoe.trace import Trace


def row_of(
    record: Record, arm: Arm, trace: Trace, feature_seconds: float, same_as: str, trace_folder: str | None, truth: dict
) -> dict:
    """``feature_seconds``: this answer's share of CLIP's time; ``truth``: empty where there is none."""
    letter = extract_answer(trace.answer_reply, record.options)
    seconds = {"features": feature_seconds, **trace.seconds} if arm.needs_scores else trace.seconds
    return {
        "id": record.id,
        "content": digest(record),
        "video": record.video,
        "group": record.group,
        "labels": list(record.labels),
        "arm": arm.name,
        "selector": arm.selector,
        "queries_from": arm.queries,
        "budget": arm.budget,
        "draw": arm.draw,
        "letter": letter,
        "gold": record.answer or None,
        "right": letter == record.answer if record.answer else None,
        "reply": trace.answer_reply,
        "queries": trace.queries,
        "times": trace.chosen_times,
        "tiers": trace.tiers,
        "frames": len(trace.chosen_times),
        "visual_tokens": {step: spent["visual"] for step, spent in trace.tokens.items()},
        "seconds": {step: round(spent, 4) for step, spent in seconds.items()},
        "same_as": None if same_as == arm.name else same_as,
        "fallback": NO_FRAME in trace.notes,
        "notes": trace.notes,
        "trace": trace_folder,
        "truth": truth or None,
    }
