"""Accuracy during training on questions that are never trained on.

Greedy queries, the most probable frames, a greedy answer. A quick look for the curve; the numbers to report come
from ``msjoe eval``.
"""

from collections.abc import Callable, Sequence

import torch
from accelerate import Accelerator

from msjoe.data import Record
from msjoe.draw import FramePolicy
from msjoe.evaluation.footage import Footage
from msjoe.mllm import Shown
from msjoe.prompts import parse_queries
from msjoe.rl.pool import Rated, Videos
from msjoe.rl.recipe import Recipe
from msjoe.rl.rewards import accuracy
from msjoe.rl.rollouts import answer_draws
from msjoe.rl.turns import REASON, Speaker, generator
from msjoe.selectors.base import ScoreSet

CHUNK = 16  # questions at once


class Validation:
    """The questions of this process and, with ``ask_once``, the frozen MLLM's queries for them."""

    def __init__(
        self,
        records: Sequence[Record],
        videos: Videos,
        speaker: Speaker,
        recipe: Recipe,
        accelerator: Accelerator,
        ask_once: bool,
    ) -> None:
        self.records = records[accelerator.process_index :: accelerator.num_processes]
        self.videos, self.speaker, self.recipe, self.accelerator = videos, speaker, recipe, accelerator
        self.ask_once = ask_once
        self.asked: dict[str, Rated] = {}

    def run(
        self,
        scores_of: Callable[[Rated, Footage], ScoreSet],
        policies_of: Callable[[Sequence[ScoreSet]], Sequence[FramePolicy]],
    ) -> dict[str, float]:
        """Share of right answers over all processes, or nothing where there are no questions."""
        if not self.ask_once:
            self.asked.clear()
        right = count = 0
        for start in range(0, len(self.records), CHUNK):
            part = self.records[start : start + CHUNK]
            opened = [(record, footage) for record in part if (footage := self.videos.footage(record))]
            asked = self._ask(opened)
            right += self._answer(asked, scores_of, policies_of)
            count += len(asked)
        sums = torch.tensor([right, count], dtype=torch.float32, device=self.accelerator.device)
        right, count = self.accelerator.reduce(sums, "sum").tolist()
        return {"eval/accuracy": right / count} if count else {}

    def _ask(self, opened: Sequence[tuple[Record, Footage]]) -> list[tuple[Rated, Footage]]:
        new = [(record, footage) for record, footage in opened if record.id not in self.asked]
        how = self.recipe.rollout
        shown = []
        for record, footage in new:
            times, previews = footage.previews(self.speaker.mllm.preview_count(how.settings))
            shown.append(Shown(record.question, record.options, previews, times))
        said = self.speaker.say(REASON, shown, 1, 0.0, self._silent(len(new)))
        for (record, _), (one,) in zip(new, said, strict=True):
            queries = tuple(parse_queries(one.text, how.max_queries).queries)
            self.asked[record.id] = Rated(record, 0.0, queries, one.text)
        return [(self.asked[record.id], footage) for record, footage in opened]

    @torch.no_grad()
    def _answer(
        self,
        asked: Sequence[tuple[Rated, Footage]],
        scores_of: Callable[[Rated, Footage], ScoreSet],
        policies_of: Callable[[Sequence[ScoreSet]], Sequence[FramePolicy]],
    ) -> float:
        if not asked:
            return 0.0
        policies = policies_of([scores_of(*pair) for pair in asked])
        chosen = [policy.greedy(self.recipe.rollout.budget) for policy in policies]
        answered = answer_draws(self.speaker, asked, chosen, 0.0, self._silent(len(asked)))
        pairs = zip(asked, answered, strict=True)
        return sum(accuracy(said.text, q.record.options, q.record.answer) for (q, _), (_, said) in pairs)

    def _silent(self, count: int) -> list[torch.Generator]:
        """Greedy replies draw nothing."""
        return [generator(self.speaker.mllm.device, "greedy")] * count
