"""What an evaluation runs: its settings, and the arms (selector, queries, budget) that follow from them."""

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from msjoe.errors import QuestionError
from msjoe.selectors import draws
from msjoe.settings import Settings

QUERIES = ("own", "question")
BLIND = ("uniform", "random")  # rules that look at no query: they run once
MSJOE = "msjoe"  # the trained sampler, or the stand-in rule until there is one
ORACLE, BLACK, IDEAL = "oracle", "black", "ideal"  # bounds: two choices and a source of queries
GIVEN = "frames:"  # how the names of selections begin that come from a file
WORDINGS = ("own", "benchmark")


@dataclass(frozen=True)
class Arm:
    """One way to answer every question: whose choice, from whose queries, of how many frames."""

    selector: str  # a rule's name, "msjoe", or a bound: "oracle", "black"
    queries: str  # "own": the MLLM's; "question": the question itself; "ideal": a bound; "none"
    budget: int
    draw: int = 1  # which draw of a rule that draws, from 1; each has another seed

    @property
    def name(self) -> str:
        """E.g. "topk/own/8", "uniform/8" where no queries are looked at, or "adaq/own/8#2" for a second draw."""
        name = "/".join(part for part in (self.selector, self.queries, str(self.budget)) if part != "none")
        return name if self.draw == 1 else f"{name}#{self.draw}"

    @property
    def pooled(self) -> "Arm":
        """What all draws of an arm are reported as."""
        return replace(self, draw=1)

    @property
    def bound(self) -> bool:
        """Whether it knows what no real run knows, or shows nothing."""
        return self.selector in (ORACLE, BLACK) or self.queries == IDEAL

    @property
    def needs_scores(self) -> bool:
        return self.queries != "none"


@dataclass(frozen=True)
class Plan:
    """Everything that decides the answers, apart from the models. Written to config.json."""

    benchmark: str
    selectors: tuple[str, ...]
    queries: tuple[str, ...] = QUERIES
    budgets: tuple[int, ...] = (8,)
    bounds: bool = False
    split: str = "test"  # Reel only
    tracks: tuple[str, ...] = ()  # groups to keep; () all
    limit: int | None = None  # questions of each group
    rows: str | None = None  # how single-score rules read several queries; None: each rule's default
    wording: str = "own"  # of the answer's prompt: the MLLM's templates, or the benchmark's own words
    seed: int = 0
    draws: int = 1  # how often a rule that draws chooses, for each question; the tables have their mean
    previews: int | None = None
    max_queries: int = 4
    dense_fps: float = 1.0
    batch: int = 8  # prompts given to the MLLM at once
    given: tuple[tuple[str, int, str], ...] = ()  # selections from files: name, budget, digest of the lists

    def __post_init__(self) -> None:
        if self.selectors or not self.given:
            _check_names("--selectors", self.selectors)
        _check_names("--queries", self.queries, QUERIES)
        _check_names("--budget", self.budgets)
        if self.batch < 1:
            raise QuestionError(f"--batch is {self.batch}: give 1 or more")
        if self.limit is not None and self.limit < 1:
            raise QuestionError(f"--limit is {self.limit}: give 1 or more, or leave it out for all questions")
        if self.draws < 1:
            raise QuestionError(f"--draws is {self.draws}: give 1 or more")
        if self.wording not in WORDINGS:
            raise QuestionError(f"the wording is {self.wording!r}: choose one of {', '.join(WORDINGS)}")
        for budget in (*self.budgets, *(budget for _, budget, _ in self.given)):
            self.settings(budget, "")

    def settings(self, budget: int, question_id: str, draw: int = 1) -> Settings:
        """Those of one answer. Rules that draw get a seed for each question and draw, the same in every arm."""
        told = f"{self.seed} {question_id}" if draw == 1 else f"{self.seed} {question_id} draw {draw}"
        seed = zlib.crc32(told.encode())
        return Settings(budget, self.previews, self.max_queries, self.dense_fps, seed)

    def arms(self) -> tuple[Arm, ...]:
        """Every arm, budget by budget, in the order of the tables."""
        given = [Arm(GIVEN + name, "none", budget) for name, budget, _ in self.given]
        budgets = dict.fromkeys([*self.budgets, *(arm.budget for arm in given)])
        arms = {n: self._arms_of(n) if n in self.budgets else [] for n in budgets}
        return tuple(arm for n in budgets for arm in (*arms[n], *(arm for arm in given if arm.budget == n)))

    def to_json(self) -> dict:
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        if not any(map(draws, self.selectors)):
            del plain["draws"]  # it decides nothing, and runs from before there was such a setting can be resumed
        if not self.given:
            del plain["given"]  # for the same reason
        return plain

    def _arms_of(self, budget: int) -> list[Arm]:
        arms = []
        for selector in self.selectors:
            sources = ("none",) if selector in BLIND else self.queries
            repeats = self.draws if draws(selector) else 1
            arms += [Arm(selector, queries, budget, draw + 1) for queries in sources for draw in range(repeats)]
        if self.bounds:
            arms += [Arm(BLACK, "none", budget)]
            if self.benchmark == "reel":
                arms += [Arm(MSJOE, IDEAL, budget), Arm("topk", IDEAL, budget), Arm(ORACLE, "none", budget)]
        return arms


def _check_names(flag: str, given: Sequence, known: Sequence[str] = ()) -> None:
    if not given or len(set(given)) < len(given):
        raise QuestionError(f"{flag} has {', '.join(map(str, given)) or 'nothing'}: give each once, and at least one")
    wrong = [name for name in given if known and name not in known]
    if wrong:
        raise QuestionError(f"{flag} has {', '.join(wrong)}: choose from {', '.join(known)}")
