"""What a question is about, before it has words."""

from dataclasses import dataclass, field


@dataclass
class QuestionPlan:
    """What a question is about, in indices; no words yet."""

    template: str
    shots: list[int]  # evidence
    asked: str  # attribute that the options name
    answer: int | tuple[int, int]
    keys: list[dict[str, int]] = field(
        default_factory=list
    )  # the attributes that the text gives of each moment, in order
    extra: dict = field(default_factory=dict)
