"""Every setting of the training stages, read from one YAML file and checked before anything is loaded.

    data:    {videos: 250, questions: 2000}
    sampler: {steps: 150, lr: 3.0e-4}

A section or setting that is left out has the default below. ``--set sampler.steps=10`` overrides one.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated

import yaml

from msjoe.data import BENCHMARKS
from msjoe.errors import RecipeError
from msjoe.files import read_text
from msjoe.reel.script.records import SPLITS, TRACKS
from msjoe.rl.advantages import BASELINES, check_advantages
from msjoe.rl.losses import GrpoConfig
from msjoe.rl.rewards import SAMPLER_REWARDS, RewardWeights, check_sampler_reward
from msjoe.rl.schedule import rate_at
from msjoe.rl.settings import Checked, OneOf, Within, build, shown
from msjoe.sampler import SLOTS, SamplerConfig
from msjoe.steps import Settings

# What PyYAML raises, and what it lets through from its constructors: !!bool x, 2001-99-99, !!timestamp x, [[[[ ...
_NO_YAML = (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, OverflowError, RecursionError)
LOGPS = ("sequential", "independent")

Count = Annotated[int, Within(1)]
CountOrNull = Annotated[int | None, Within(1)]
CountOrZero = Annotated[int, Within(0)]
Positive = Annotated[float, Within(0, above=True)]
ZeroOrMore = Annotated[float, Within(0)]
Rate = Annotated[float, Within(0, 1, above=True)]  # of learning
RateOrFrozen = Annotated[float, Within(0, 1)]
Baseline = Annotated[str, OneOf(*BASELINES)]
Logp = Annotated[str, OneOf(*LOGPS)]


@dataclass(frozen=True)
class Data(Checked):
    """Which questions are trained on. Those of other benchmarks than Reel need files on this machine."""

    benchmark: Annotated[str, OneOf(*BENCHMARKS)] = "reel"
    split: str = "train"  # Reel's
    tracks: tuple[str, ...] = ()  # groups to keep; () all
    videos: CountOrNull = None  # at most, of each Reel track
    questions: CountOrNull = None  # at most, spread evenly over the data
    annotations: str | None = None  # file or folder of another benchmark
    folder: str | None = None  # its videos
    validation: CountOrZero = 200  # questions never trained on: Reel's validation split, or whole videos held out
    failures: Annotated[float, Within(0, 1)] = 0.02  # share of the videos that may be unreadable before the run stops

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.benchmark != "reel":
            if not (self.annotations and self.folder):
                raise RecipeError(f"benchmark {self.benchmark} needs annotations and folder")
        elif self.split not in SPLITS or not set(self.tracks) <= set(TRACKS):
            raise RecipeError(
                f"Reel has no split {self.split!r} or not all of the tracks {list(self.tracks)}: its splits are "
                f"{', '.join(SPLITS)}, its tracks {', '.join(TRACKS)}"
            )


@dataclass(frozen=True)
class Parts(Checked):
    """Models and where they run. None: the embedded miniature."""

    mllm: str | None = None
    clip: str | None = None
    load_in_4bit: bool = False
    device: str = "auto"
    dtype: Annotated[str, OneOf("auto", "float32", "bfloat16", "float16")] = "auto"
    features: str | None = None  # folder of CLIP features; None: the user's cache
    features_gb: Positive = 8.0  # at most; a video of 12 minutes takes 0.4 MB with the miniature, 2.2 MB with ViT-L/14


@dataclass(frozen=True)
class Rollouts(Checked):
    """How a question is tried, the same in every stage. All but ``batch`` are ``msjoe.steps.Settings``."""

    budget: int = Settings.budget
    previews: int | None = Settings.previews  # None: the MLLM's own number, else half the budget
    max_queries: int = Settings.max_queries
    dense_fps: float = Settings.dense_fps
    batch: Count = 32  # replies computed at once

    def __post_init__(self) -> None:
        super().__post_init__()
        _ = self.settings  # checks the ranges

    @property
    def settings(self) -> Settings:
        """Those of one answer. Raises QuestionError for a value outside its range."""
        return Settings(self.budget, self.previews, self.max_queries, self.dense_fps)


@dataclass(frozen=True)
class Difficulty(Checked):
    """Stage 0. The paper gives the pass rate's use and leaves its measurement open."""

    tries: Annotated[int, Within(2)] = 8  # half with the stand-in rule's frames, half with uniform ones
    temperature: ZeroOrMore = 1.0  # of the answers; the queries are greedy

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.tries % 2:
            raise RecipeError(f"tries is {self.tries}: give an even number")


@dataclass(frozen=True)
class SamplerStage(Checked):
    """Stage 1: REINFORCE on the sampler alone."""

    steps: Count = 150
    questions: Count = 16  # a step, over all processes
    rollouts: Count = 8  # draws of a question
    lr: Rate = 3e-4
    warmup: CountOrZero = 10
    decay: bool = False  # whether the rate falls to nothing over the steps
    max_grad_norm: Positive = 1.0
    baseline: Baseline = "mean"
    scale: bool = False  # by the group's standard deviation; the difficulty-aware reward would cancel
    entropy_bonus: ZeroOrMore = 0.0
    logp: Logp = "sequential"
    reward: Annotated[str, OneOf(*SAMPLER_REWARDS)] = "difficulty"
    temperature: ZeroOrMore = 0.0  # of the frozen MLLM's answers
    net: Annotated[str, OneOf("unet", "mlp")] = "unet"
    width: Count = 16  # of the net; 32 and kernel 5 give the 2 M parameters of the paper
    kernel: Count = 3
    levels: CountOrZero = 5
    slots: Annotated[str, OneOf(*SLOTS)] = "sorted"  # query rows by their peaks, or as the MLLM wrote them
    spread: Annotated[float, Within(0, 4)] = 1.0  # gamma of the draw; 0 is the paper's draw
    learned_spread: bool = False  # the net gives each question its own, from 0 to twice ``spread``
    input_version: Annotated[int, Within(1, 2)] = 2  # 1: without the distances from each row's best match

    def __post_init__(self) -> None:
        super().__post_init__()
        self.net_config(SamplerConfig.max_queries)  # its own rules
        check_advantages(self.baseline, self.scale, self.rollouts)
        check_sampler_reward(self.reward, self.scale)
        if self.spread and self.logp == "independent":
            raise RecipeError("logp is 'independent', which knows no spread: give spread: 0, or logp: sequential")

    def rate(self, step: int) -> float:
        return rate_at(step, self.lr, self.warmup, self.decay * self.steps)

    def net_config(self, max_queries: int) -> SamplerConfig:
        """``net: mlp`` looks at each frame by itself: no levels, kernel 1, about as many parameters."""
        size = (4 * self.width, 0, 1) if self.net == "mlp" else (self.width, self.levels, self.kernel)
        return SamplerConfig(
            *size, max_queries, self.input_version, self.slots, float(self.spread), self.learned_spread
        )


@dataclass(frozen=True)
class TspoStage(Checked):
    """The TSPO baseline by its own rule; values of its authors."""

    steps: Count = 150
    questions: Count = 16
    rollouts: Annotated[int, Within(2)] = 8
    lr: Rate = 5e-4
    warmup: CountOrZero = 0
    decay: bool = False
    max_grad_norm: Positive = 1.0
    heads: Count = 8
    window: Count = 12
    first_temperature: Positive = 0.025
    last_temperature: Positive = 0.01
    temperature: ZeroOrMore = 0.0  # of the frozen MLLM's answers

    def rate(self, step: int) -> float:
        return rate_at(step, self.lr, self.warmup, self.decay * self.steps)


@dataclass(frozen=True)
class Lora(Checked):
    rank: Count = 16
    alpha: Count = 32
    dropout: Annotated[float, Within(0, 1, below=True)] = 0.0
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.targets:
            raise RecipeError("targets is []: name at least one layer, such as q_proj")


@dataclass(frozen=True)
class JointStage(Checked):
    """Stage 2: GRPO on the MLLM, REINFORCE on the sampler."""

    steps: Count = 200
    questions: Count = 8  # a step, over all processes
    rollouts: Annotated[int, Within(2)] = 8
    updates: Count = 1  # of the MLLM for each batch of rollouts; above 1 the ratios leave 1 and clipping matters
    micro_batch: Count = 8  # rollouts of which gradients are computed at once
    temperature: Positive = 1.0  # rollouts must differ
    mllm_lr: RateOrFrozen = 1e-5  # 0: frozen
    sampler_lr: RateOrFrozen = 1e-4  # 0: frozen
    warmup: CountOrZero = 5
    decay: bool = False  # whether both rates fall to nothing over the steps
    max_grad_norm: Positive = 1.0
    weight_decay: ZeroOrMore = 0.0
    baseline: Baseline = "mean"
    scale: bool = True  # by the group's standard deviation; joint.py says what that does to easy and hard questions
    sampler_baseline: Baseline = "mean"
    entropy_bonus: ZeroOrMore = 0.0
    logp: Logp = "sequential"
    grpo: GrpoConfig = field(default_factory=GrpoConfig)
    rewards: RewardWeights = field(default_factory=RewardWeights)
    tuning: Annotated[str, OneOf("full", "lora")] = "full"
    lora: Lora = field(default_factory=Lora)
    vision: bool = False  # whether the vision tower learns too (full weights only)
    gradient_checkpointing: bool = False
    curriculum: Annotated[str, OneOf("none", "easy_first")] = "none"
    sampler: str = "stage1"  # where it starts: "stage1" of this run, "new" (the stand-in rule), or a folder

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("baseline", "sampler_baseline"):
            check_advantages(getattr(self, name), self.scale, self.rollouts, name)
        if self.vision and self.tuning == "lora":
            raise RecipeError("vision is True and tuning is 'lora': adapters leave the vision tower as it is")

    def mllm_rate(self, step: int) -> float:
        return rate_at(step, self.mllm_lr, self.warmup, self.decay * self.steps)

    def sampler_rate(self, step: int) -> float:
        return rate_at(step, self.sampler_lr, self.warmup, self.decay * self.steps)


@dataclass(frozen=True)
class Keeping(Checked):
    """What a run writes, and how often."""

    checkpoint_seconds: ZeroOrMore = 240.0
    checkpoints: Count = 3  # kept
    validate_every: CountOrZero = 50  # steps; 0: never
    samples_every: CountOrZero = 50  # steps; 0: never
    samples: Count = 4  # rollouts kept as Traces each time
    trackers: tuple[str, ...] = ()  # of accelerate: tensorboard, wandb, trackio, ...


@dataclass(frozen=True)
class Recipe(Checked):
    """All settings of a run. ``source``: the file they were read from and what was set over it, for the card."""

    seed: Annotated[int, Within(0, 2**32 - 1)] = 0
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
            record = _yaml(read_text(path), f"the recipe {path}")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"cannot read the recipe {path} ({error}): give one such as configs/tiny.yaml") from error
        record = {} if record is None else record
        if not isinstance(record, dict):
            raise RecipeError(f"{path} holds {shown(record)}: give settings by name, as in configs/tiny.yaml")
        for override in overrides:
            _override(record, override)
        return replace(build(cls, record, str(path)), source=(str(path), *overrides))

    def to_json(self) -> dict:
        return asdict(self)


def _yaml(text: str, what: str) -> object:
    try:
        return yaml.safe_load(text)
    except _NO_YAML as error:
        told = str(error) if isinstance(error, yaml.YAMLError) else f"{type(error).__name__}: {error}"
        raise RecipeError(f"cannot read {what:.200} ({told:.300}): give YAML, as in configs/tiny.yaml") from error


def _override(record: object, override: str) -> None:
    """Put "section.setting=value" into the mappings of a recipe."""
    name, equals, value = override.partition("=")
    *path, last = name.split(".")
    if not equals or not last:
        raise RecipeError(f"--set {override:.200}: write it as section.setting=value")
    for part in path:
        if isinstance(record, dict):
            record = record.setdefault(part, {})
    if not isinstance(record, dict):
        raise RecipeError(
            f"--set {override:.200}: {'.'.join(path) or 'the recipe':.80} holds {shown(record)}, not settings by name"
        )
    record[last] = _yaml(value, f"--set {override}")
