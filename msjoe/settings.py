"""How a question is answered. Imports nothing heavy, so that the shell can check it first."""

from dataclasses import dataclass

from msjoe.errors import QuestionError
from msjoe.flags import MOST_FRAMES, check_seed


@dataclass(frozen=True)
class Settings:
    """How one question is answered."""

    budget: int = 8  # K, key-frames shown to the MLLM
    previews: int | None = None  # N_init, uniform low-resolution frames; None: ``Mllm.preview_count`` decides
    max_queries: int = 4  # N_q at most
    dense_fps: float = 1.0  # rate of the frames that CLIP sees
    seed: int = 0  # for selectors that draw

    def __post_init__(self) -> None:
        if not 1 <= self.budget <= MOST_FRAMES:
            raise QuestionError(f"the budget is {self.budget} frames: give at least 1 and at most {MOST_FRAMES:,}")
        if self.previews is not None and not 0 <= self.previews <= MOST_FRAMES:
            raise QuestionError(f"{self.previews} previews: give 0 or more, at most {MOST_FRAMES:,}")
        if not 1 <= self.max_queries <= 4:
            raise QuestionError(f"max_queries is {self.max_queries}: the sampler reads 1 to 4 queries")
        if not 0 < self.dense_fps <= 60:
            raise QuestionError(f"dense_fps is {self.dense_fps}: give a rate above 0 and up to 60")
        check_seed(self.seed)
