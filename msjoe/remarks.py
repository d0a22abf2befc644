"""Sentences about a run that the page, the shell and evaluation share. Imports nothing heavy."""

from msjoe.trace import Trace

NO_FRAME = "the rule chose no frame at this budget, so uniform frames were shown"


def counted(count: int, noun: str) -> str:
    """(1, "frame") -> "1 frame"; (2, "query") -> "2 queries"."""
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {noun if count == 1 else plural}"


def choice_remark(trace: Trace) -> str:
    """How the frames differ from "as many as the budget, chosen by the rule"; "" where they do not."""
    if NO_FRAME in trace.notes:
        return NO_FRAME
    chosen, budget = len(trace.indices), trace.settings.get("budget")
    if not chosen or not isinstance(budget, int) or chosen == budget:
        return ""
    if trace.times_T is not None and chosen == len(trace.times_T) < budget:
        return f"the video has only {counted(chosen, 'frame')} for a budget of {budget}: all are shown"
    return f"the rule chose {counted(chosen, 'frame')} for a budget of {budget}{_sizes(trace)}"


def _sizes(trace: Trace) -> str:
    """How many frames of each of Q-Frame's resolutions."""
    parts = [(trace.tiers.count(tier), size) for tier, size in enumerate(("at full size", "at half", "at a quarter"))]
    told = [f"{count} {size}" for count, size in parts if count]
    return f": {', '.join(told)}" if trace.tiers else ""
