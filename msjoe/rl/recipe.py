"""Every setting of the training stages, read from one YAML file and checked before anything is loaded.

    data:    {videos: 250, questions: 2000}
    sampler: {steps: 150, lr: 3.0e-4}

A section or setting that is left out has the default below. ``--set sampler.steps=10`` overrides one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_type_hints

import yaml

from msjoe.draw import independent_logp, sequential_logp
from msjoe.errors import RecipeError
from msjoe.rl.advantages import BASELINES
from msjoe.rl.losses import GrpoConfig
from msjoe.rl.rewards import RewardWeights

LOGPS = {"sequential": sequential_logp, "independent": independent_logp}
NETS = ("unet", "mlp")
SAMPLER_REWARDS = ("difficulty", "plain")
TUNINGS = ("full", "lora")
CURRICULA = ("none", "easy_first")


def _one_of(name: str, value: object, known: Sequence[str] | Mapping) -> None:
    if value not in known:
        raise ValueError(f"{name} is {value!r}: choose one of {', '.join(known)}")


def _at_least(least: float, **values: float | None) -> None:
    for name, value in values.items():
        if value is not None and not value >= least:
            raise ValueError(f"{name} is {value!r}: give {least} or more")


@dataclass(frozen=True)
class Data:
    """Which questions are trained on. Those of other benchmarks than Reel need files on this machine."""

    benchmark: str = "reel"
    split: str = "train"  # Reel's
    tracks: tuple[str, ...] = ()  # groups to keep; () all
    videos: int | None = None  # at most, of each Reel track
    questions: int | None = None  # at most, spread evenly over the data
    annotations: str | None = None  # file or folder of another benchmark
    folder: str | None = None  # its videos
    validation: int = 200  # questions never trained on: Reel's validation split, or whole videos held out
    failures: float = 0.02  # share of the videos that may be unreadable before the run stops

    def __post_init__(self) -> None:
        _at_least(1, videos=self.videos, questions=self.questions)
        _at_least(0, validation=self.validation, failures=self.failures)
        if self.benchmark != "reel" and not (self.annotations and self.folder):
            raise ValueError(f"benchmark {self.benchmark} needs annotations and folder")


@dataclass(frozen=True)
class Parts:
    """Models and where they run. None: the embedded miniature."""

    mllm: str | None = None
    clip: str | None = None
    load_in_4bit: bool = False
    device: str = "auto"
    dtype: str = "auto"
    features: str | None = None  # folder of CLIP features; None: the user's cache
    features_gb: float = 8.0  # at most; a video of 12 minutes takes 0.4 MB with the miniature, 2.2 MB with ViT-L/14


@dataclass(frozen=True)
class Rollouts:
    """How a question is tried, the same in every stage."""

    budget: int = 8
    previews: int | None = None  # None: half the budget
    max_queries: int = 4
    dense_fps: float = 1.0
    batch: int = 32  # replies computed at once

    def __post_init__(self) -> None:
        _at_least(1, budget=self.budget, batch=self.batch)


@dataclass(frozen=True)
class Difficulty:
    """Stage 0. The paper gives the pass rate's use and leaves its measurement open."""

    tries: int = 8  # half with the stand-in rule's frames, half with uniform ones
    temperature: float = 1.0  # of the answers; the queries are greedy

    def __post_init__(self) -> None:
        _at_least(2, tries=self.tries)
        if self.tries % 2:
            raise ValueError(f"tries is {self.tries}: give an even number")


@dataclass(frozen=True)
class SamplerStage:
    """Stage 1: REINFORCE on the sampler alone."""

    steps: int = 150
    questions: int = 16  # a step, over all processes
    rollouts: int = 8  # draws of a question
    lr: float = 3e-4
    warmup: int = 10
    max_grad_norm: float = 1.0
    baseline: str = "mean"
    scale: bool = True  # by the group's standard deviation
    entropy_bonus: float = 0.0
    logp: str = "sequential"
    reward: str = "difficulty"
    temperature: float = 0.0  # of the frozen MLLM's answers
    net: str = "unet"
    width: int = 16  # of the net; 32 and kernel 5 give the 2 M parameters of the paper
    kernel: int = 3
    levels: int = 5

    def __post_init__(self) -> None:
        _at_least(1, steps=self.steps, questions=self.questions, rollouts=self.rollouts)
        _one_of("baseline", self.baseline, BASELINES)
        _one_of("logp", self.logp, LOGPS)
        _one_of("reward", self.reward, SAMPLER_REWARDS)
        _one_of("net", self.net, NETS)


@dataclass(frozen=True)
class TspoStage:
    """The TSPO baseline by its own rule; values of its authors."""

    steps: int = 150
    questions: int = 16
    rollouts: int = 8
    lr: float = 5e-4
    warmup: int = 0
    max_grad_norm: float = 1.0
    heads: int = 8
    window: int = 12
    first_temperature: float = 0.025
    last_temperature: float = 0.01
    temperature: float = 0.0  # of the frozen MLLM's answers

    def __post_init__(self) -> None:
        _at_least(1, steps=self.steps, questions=self.questions)
        _at_least(2, rollouts=self.rollouts)


@dataclass(frozen=True)
class Lora:
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@dataclass(frozen=True)
class JointStage:
    """Stage 2: GRPO on the MLLM, REINFORCE on the sampler."""

    steps: int = 200
    questions: int = 8  # a step, over all processes
    rollouts: int = 8
    updates: int = 1  # of the MLLM for each batch of rollouts; above 1 the ratios leave 1 and clipping matters
    micro_batch: int = 8  # rollouts of which gradients are computed at once
    temperature: float = 1.0
    mllm_lr: float = 1e-5  # 0: frozen
    sampler_lr: float = 1e-4  # 0: frozen
    warmup: int = 5
    max_grad_norm: float = 1.0
    weight_decay: float = 0.0
    baseline: str = "mean"
    scale: bool = True
    sampler_baseline: str = "mean"
    entropy_bonus: float = 0.0
    logp: str = "sequential"
    grpo: GrpoConfig = field(default_factory=GrpoConfig)
    rewards: RewardWeights = field(default_factory=RewardWeights)
    tuning: str = "full"
    lora: Lora = field(default_factory=Lora)
    vision: bool = False  # whether the vision tower learns too (full weights only)
    gradient_checkpointing: bool = False
    curriculum: str = "none"
    sampler: str = "stage1"  # where it starts: "stage1" of this run, "new" (the stand-in rule), or a folder

    def __post_init__(self) -> None:
        _at_least(1, steps=self.steps, questions=self.questions, updates=self.updates, micro_batch=self.micro_batch)
        _at_least(2, rollouts=self.rollouts)
        _at_least(0, mllm_lr=self.mllm_lr, sampler_lr=self.sampler_lr)
        for name in ("baseline", "sampler_baseline"):
            _one_of(name, getattr(self, name), BASELINES)
        _one_of("logp", self.logp, LOGPS)
        _one_of("tuning", self.tuning, TUNINGS)
        _one_of("curriculum", self.curriculum, CURRICULA)
        if not self.temperature > 0:
            raise ValueError(f"temperature is {self.temperature}: rollouts must differ, give a number above 0")


@dataclass(frozen=True)
class Keeping:
    """What a run writes, and how often."""

    checkpoint_seconds: float = 240.0
    checkpoints: int = 3  # kept
    validate_every: int = 50  # steps; 0: never
    samples_every: int = 50  # steps; 0: never
    samples: int = 4  # rollouts kept as Traces each time
    trackers: tuple[str, ...] = ()  # of accelerate: tensorboard, wandb, trackio, ...

    def __post_init__(self) -> None:
        _at_least(1, checkpoints=self.checkpoints, samples=self.samples)


@dataclass(frozen=True)
class Recipe:
    """All settings of a run. ``source``: the file they were read from and what was set over it, for the card."""

    seed: int = 0
    data: Data = field(default_factory=Data)
    models: Parts = field(default_factory=Parts)
    rollout: Rollouts = field(default_factory=Rollouts)
    difficulty: Difficulty = field(default_factory=Difficulty)
    sampler: SamplerStage = field(default_factory=SamplerStage)
    tspo: TspoStage = field(default_factory=TspoStage)
    joint: JointStage = field(default_factory=JointStage)
    keep: Keeping = field(default_factory=Keeping)
    source: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path, overrides: Sequence[str] = ()) -> "Recipe":
        """``overrides``: "section.setting=value" each. Raises RecipeError, naming what is wrong."""
        try:
            record = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        except (OSError, yaml.YAMLError) as error:
            raise RecipeError(f"cannot read the recipe {path} ({error}): give one such as configs/tiny.yaml") from error
        for override in overrides:
            _override(record, override)
        return replace(_build(cls, record, str(path)), source=(str(path), *overrides))

    def to_json(self) -> dict:
        return asdict(self)


def _override(record: dict, override: str) -> None:
    name, equals, value = override.partition("=")
    *path, last = name.split(".")
    if not equals or not last:
        raise RecipeError(f"--set {override}: write it as section.setting=value")
    for part in path:
        record = record.setdefault(part, {})
        if not isinstance(record, dict):
            raise RecipeError(f"--set {override}: {part} is a value and no section")
    record[last] = yaml.safe_load(value)


def _build(kind: type, record: Any, where: str) -> Any:
    """A settings class from nested mappings; RecipeError for what does not fit."""
    if not isinstance(record, dict):
        raise RecipeError(f"{where} holds {record!r}: give settings by name")
    kinds = get_type_hints(kind)
    unknown = sorted(set(record) - {f.name for f in fields(kind)})
    if unknown:
        raise RecipeError(f"{where} has {', '.join(map(str, unknown))}: its settings are {', '.join(kinds)}")
    values = {name: _value(kinds[name], value, f"{where}: {name}") for name, value in record.items()}
    try:
        return kind(**values)
    except (ValueError, TypeError) as error:
        raise RecipeError(f"{where}: {error}") from error


def _value(kind: Any, value: Any, where: str) -> Any:
    if is_dataclass(kind):
        return _build(kind, value, where)
    if str(kind).startswith("tuple"):
        return tuple(value) if isinstance(value, list) else (value,)
    plain = {bool: bool, int: int, float: (int, float), str: str}.get(kind)
    if plain and (not isinstance(value, plain) or (isinstance(value, bool) and kind is not bool)):
        raise RecipeError(f"{where} is {value!r}: give a {kind.__name__}")
    return float(value) if kind is float else value
