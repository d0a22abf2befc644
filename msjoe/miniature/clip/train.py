"""Contrastive training of the miniature CLIP on Reel, on one CPU thread.

How it differs from CLIP's own training:
1. The loss has many positives (``loss``). A text such as "holding a key" is true of several pictures of a batch; with
   one positive a row, as in open_clip's ClipLoss, the others would count as wrong.
2. Hard negatives: pictures come in groups that differ in one attribute, and captions with one attribute wrong are added
   to the texts (``training_pairs``).
3. Pictures are drawn as they are needed: no picture is seen twice.

A batch depends on (seed, step) alone, so an interrupted run resumes and ends in the same weights, bit for bit on one
machine.

Run: ``msjoe reel train-clip --out checkpoints/reel-clip``; the same command resumes.
"""

import argparse
import math
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from msjoe.clip import Clip
from msjoe.errors import RecipeError
from msjoe.miniature.clip.card import card
from msjoe.miniature.clip.loss import multi_positive_loss
from msjoe.miniature.clip.model import build_tokenizer, clip_config, continued_clip, new_clip, save_clip
from msjoe.miniature.clip.training_pairs import PairBatch, make_batch
from msjoe.miniature.clip.validate import decoy_figures, validate_clip
from msjoe.miniature.model_card import write_model_card
from msjoe.miniature.schedules import Rate, check_rate, warmup_cosine
from msjoe.miniature.training_command import add_training_flags, run_options, train_or_pause, write_checkpoint
from msjoe.miniature.training_loop import RunOptions, TrainingJob, run_job

DECOY_STEPS = 500  # between two measurements of the hard decoys


@dataclass(frozen=True)
class ClipTraining:
    """What decides the weights. ``steps`` is part of it, because the learning rate reaches 0 there."""

    steps: int = 3600  # about 50 minutes on one otherwise idle 2.8 GHz server core
    seed: int = 0
    batch: int = 128  # pictures a step; half as many texts again
    lr: float = 1e-3  # peak, after the warm-up
    warmup: int = 200  # steps
    weight_decay: float = 0.05  # on matrices only
    max_scale: float = 100.0  # CLIP's own bound on the inverse temperature
    start_from: str = ""  # folder of an earlier miniature CLIP whose weights the run starts from

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch < 4:
            raise RecipeError(f"{self.steps} steps of {self.batch} pictures: give at least 1 step of 4")
        check_rate(self.lr)

    @property
    def rate(self) -> Rate:
        return warmup_cosine(self.lr, self.warmup, self.steps)


def train_clip(
    out: Path,
    config: ClipTraining = ClipTraining(),
    run_dir: Path | None = None,
    command: str = "",
    options: RunOptions = RunOptions(),
) -> dict:
    """Train, measure on validation videos and write the checkpoint folder ``out``; returns what reel.json holds.

    ``run_dir`` (by default beside ``out``) holds the state to resume from and the metrics. Raises CheckpointError when
    it belongs to a run of other settings, Paused when the minutes of ``options`` are over.
    """
    model, seconds = run_training(config, run_dir or out.with_name(out.name + "-run"), options)
    about = {
        "command": command or command_of(config),
        "seed": config.seed,
        "steps": config.steps,
        "seconds": round(seconds),
        "training": asdict(config),
    }
    write_card = partial(write_model_card, text_of=card)
    return write_checkpoint(out, partial(save_clip, model), about, validate_clip, write_card)


def run_training(
    config: ClipTraining, run_dir: Path, options: RunOptions = RunOptions(), stop_after: int | None = None
) -> tuple[torch.nn.Module, float]:
    """Returns the trained model and the seconds spent, including those of the earlier parts of a resumed run.

    ``stop_after`` ends early at that step with a checkpoint, as an interruption would. For errors see ``run_job``.
    """
    model = continued_clip(Path(config.start_from)) if config.start_from else new_clip(config.seed)
    seconds = run_job(training_job(config, model), run_dir, options, stop_after)
    return model.cpu(), seconds


def training_job(config: ClipTraining, model: torch.nn.Module) -> TrainingJob:
    tokenizer = build_tokenizer()

    def report_metrics(step: int, pace: float) -> dict[str, float]:
        found = {"samples_per_s": config.batch / pace}
        if step % DECOY_STEPS == 0:
            found["hard_decoys"] = decoy_figures(as_clip(model, tokenizer), pictures=128)["first"]
        return found

    return TrainingJob(
        name="clip",
        steps=config.steps,
        settings=asdict(config),
        module=model,
        optimizers_of=lambda module: [build_optimizer(module, config)],
        rate=config.rate,
        make_batch=partial(_batch_of, config.seed, config.batch, model.visual.image_size[0]),
        loss_of=lambda batch: clip_loss(model, tokenizer, batch),
        state_folder="state",
        metrics_file="metrics.jsonl",
        after_update=lambda: clamp_scale(model, config.max_scale),
        report_metrics=report_metrics,
    )


def _batch_of(seed: int, pictures: int, size: int, step: int) -> PairBatch:
    return make_batch(seed, step, pictures, size)


def clip_loss(model: torch.nn.Module, tokenizer, batch: PairBatch) -> tuple[torch.Tensor, dict[str, float]]:
    """The loss of a batch and its metrics. The encoders may run in bfloat16, the loss itself is float32."""
    device = model.logit_scale.device
    ids_ML = encode_ids(tokenizer, batch.texts, model.context_length).to(device)
    true_MN = torch.from_numpy(batch.true_MN).to(device)
    picture_ND, text_MD = model.encode_image(to_input(batch.pictures).to(device)), model.encode_text(ids_ML)
    with torch.autocast(device.type, enabled=False):
        return multi_positive_loss(picture_ND.float(), text_MD.float(), true_MN, model.logit_scale.exp())


@torch.no_grad()
def clamp_scale(model: torch.nn.Module, most: float) -> None:
    """Keep the inverse temperature between 1 and ``most``, as CLIP's training does."""
    model.logit_scale.clamp_(0, math.log(most))


def build_optimizer(model: torch.nn.Module, config: ClipTraining) -> torch.optim.AdamW:
    """AdamW; biases, norms, embeddings of positions and the logit scale are not decayed."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.98), eps=1e-6)


def to_input(pictures: np.ndarray) -> torch.Tensor:
    """uint8 [N, H, W, 3] -> normalised float32 [N, 3, H, W], as the saved preprocess config says."""
    preprocess = clip_config()["preprocess_cfg"]
    mean, std = torch.tensor(preprocess["mean"]), torch.tensor(preprocess["std"])
    return ((torch.from_numpy(pictures).float() / 255 - mean) / std).permute(0, 3, 1, 2).contiguous()


def encode_ids(tokenizer, texts: list[str], context: int) -> torch.Tensor:
    """int64 [M, L] token ids, cut or padded to ``context``, as open_clip's HFTokenizer gives them."""
    padded = tokenizer(texts, max_length=context, padding="max_length", truncation=True, return_tensors="pt")
    return padded.input_ids


def as_clip(model: torch.nn.Module, tokenizer) -> Clip:
    """The model in training as the Clip that validation calls."""

    def encode(texts: list[str]) -> torch.Tensor:
        return encode_ids(tokenizer, texts, model.context_length)

    return Clip("in training", model.visual.image_size[0], model.logit_scale.device, model, encode, None)


def command_of(config: ClipTraining) -> str:
    start = f" --start-from {config.start_from}" if config.start_from else ""
    return f"msjoe reel train-clip{start} --steps {config.steps} --lr {config.lr:g} --seed {config.seed}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of ``msjoe reel train-clip``."""
    add_training_flags(parser, ClipTraining.steps, ClipTraining.lr)


def run_args(args: argparse.Namespace) -> None:
    """Train as the flags say, or until the minutes are over."""
    config = ClipTraining(args.steps, args.seed, lr=args.lr, start_from=args.start_from)
    train_or_pause(args.out, lambda: train_clip(args.out, config, args.run_dir, options=run_options(args)))
