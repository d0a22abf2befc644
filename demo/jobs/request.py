"""What a visitor asks: a question about a video with its settings, and the columns of a comparison."""

from dataclasses import dataclass

from msjoe.settings import Settings

REFERENCE = "uniform"  # the selector that a comparison compares with


@dataclass(frozen=True)
class QuestionRequest:
    """A question as it was typed, and how to answer it."""

    video: str | None  # path of the file
    question: str
    options: list[str]
    budget: int
    dense_fps: float = 1.0
    example: int | None = None  # number of the bundled example; only the verdict uses it
    previews: int | None = None  # None: the MLLM's default
    selector: str = ""  # a selector's name; "": the one that the app was started with
    seed: int = 0
    max_minutes: float = float("inf")
    max_queries: int = 4

    def settings(self) -> Settings:
        """Raises QuestionError for a number outside its range."""
        return Settings(self.budget, self.previews, self.max_queries, self.dense_fps, self.seed)


@dataclass(frozen=True)
class ColumnSetup:
    """How one column of a comparison is answered."""

    selector: str  # a selector's name; "": the one that the app was started with
    budget: int


def same_subject(one: QuestionRequest | None, other: QuestionRequest | None) -> bool:
    """Whether both ask the same question, with the same options, about the same video."""
    return bool(one and other) and all(
        getattr(one, name) == getattr(other, name) for name in ("video", "question", "options")
    )
