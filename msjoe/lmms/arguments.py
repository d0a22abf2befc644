"""What ``--model_args`` may hold: the flags of ``msjoe eval``, with underscores, for one selector and one budget."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import get_args, get_type_hints

from msjoe.errors import UserError
from msjoe.evaluation.failures import MAX_FAILED
from msjoe.evaluation.plan import MSJOE, WORDINGS, Plan
from msjoe.flags import MAX_MINUTES, check_model_arguments

ROWS = ("mean", "max_z", "round_robin")
KINDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True)
class ModelArgs:
    """Settings of a run. lmms-eval has parsed them: numbers and true or false are such already."""

    mllm: str | None = None  # None: the embedded miniature
    clip: str | None = None
    sampler: str = "auto"  # what the selector "msjoe" is
    load_in_4bit: bool = False
    device: str = "auto"
    no_cache: bool = False
    selector: str = MSJOE  # a rule, RULE:WEIGHTS or RULE?KEY=VALUE&KEY=VALUE
    queries: str = "own"
    budget: int = 8
    rows: str | None = None
    wording: str = "benchmark"  # the task's own prompt behind the frames; "own": the MLLM's templates
    seed: int = 0
    previews: int | None = None
    dense_fps: float = 1.0
    batch: int = 8
    max_minutes: float = MAX_MINUTES
    max_failed: float = MAX_FAILED

    @classmethod
    def read(cls, given: Mapping[str, object]) -> "ModelArgs":
        """Raises UserError for a name that does not exist and for a value of the wrong kind or out of its range."""
        names = [field.name for field in fields(cls)]
        for name in given:
            if name not in names:
                meant = get_close_matches(name, names, 1)
                hint = f"did you mean {meant[0]}? The names" if meant else "the names"
                raise UserError(f"msjoe has no model argument {name!r}: {hint} are {', '.join(sorted(names))}")
        hints = get_type_hints(cls)
        args = cls(**{name: _checked(name, value, hints[name]) for name, value in given.items()})
        args._check()
        return args

    def plan(self) -> Plan:
        """With a single arm. Raises QuestionError for settings that cannot be worked with."""
        return Plan(
            benchmark="lmms-eval",
            selectors=(self.selector,),
            queries=(self.queries,),
            budgets=(self.budget,),
            rows=self.rows,
            wording=self.wording,
            seed=self.seed,
            previews=self.previews,
            dense_fps=self.dense_fps,
            batch=self.batch,
        )

    def _check(self) -> None:
        """What ``plan`` cannot see."""
        check_model_arguments(self)
        if self.rows is not None and self.rows not in ROWS:
            raise UserError(f"rows is {self.rows!r}: choose one of {', '.join(ROWS)}")
        if self.wording not in WORDINGS:
            raise UserError(f"wording is {self.wording!r}: choose one of {', '.join(WORDINGS)}")
        if not self.max_minutes > 0:
            raise UserError(f"max_minutes is {self.max_minutes}: give more than 0")
        if not 0 <= self.max_failed <= 1:
            raise UserError(f"max_failed is {self.max_failed}: give a share from 0 to 1")


def _checked(name: str, value: object, hint: type) -> object:
    kind = next((kind for kind in get_args(hint) if kind is not type(None)), hint)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise UserError(f"{name} is {value!r}: give {KINDS[kind]}, as in --model_args {name}=...")
    return value
