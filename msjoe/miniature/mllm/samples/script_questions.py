"""Reel's own questions as FrameQuestion."""

from collections.abc import Sequence

from msjoe.letters import LETTERS
from msjoe.miniature.mllm.samples.frame_questions import FrameQuestion, Frames, ruling_out
from msjoe.miniature.mllm.samples.frame_sets import FrameSet
from msjoe.reel.script.records import Question
from msjoe.reel.vocabulary import ITEMS


def of_script(question: Question, frame_set: FrameSet) -> FrameQuestion:
    """A question of the script; the frames to look at are those inside its evidence."""
    right = LETTERS.index(question.answer)
    spans = [tuple(i for i, t in enumerate(frame_set.times) if start <= t < end) for start, end in question.evidence]
    if question.template == "never":
        seen = tuple(i for span in spans for i in span)
        ruled_out = ruling_out(frame_set, seen, question.options)
        return FrameQuestion(question.text, question.options, right, option_looks=ruled_out)
    return FrameQuestion(
        question.text, question.options, right, looks=_evidence_looks(question, right, spans, frame_set)
    )


def _evidence_looks(
    question: Question, right: int, spans: Sequence[Frames], frame_set: FrameSet
) -> tuple[tuple[Frames, Frames], ...]:
    """``spans``: the frames of each piece of evidence, in time order. () where no frame can be singled out."""
    seen = tuple(i for span in spans for i in span)
    kind = question.template.split()[0]
    if kind in ("after", "before"):
        anchor, target = spans if kind == "after" else spans[::-1]
        return ((anchor, target),) if anchor and target else ()
    if kind == "pair":
        items = question.options[right].split(", ")
        parts = [tuple(i for i in seen if ITEMS[frame_set.frames[i].moment.item] == item) for item in items]
        return tuple((part, part) for part in parts) if all(parts) else ()
    return ((seen, seen),) if seen and question.track != "global" else ()
