"""Contrastive training of the miniature CLIP on Reel, on one CPU thread.

How it differs from CLIP's own training:
1. The loss has many positives. A text such as "holding a key" is true of several pictures of a
   batch; with one positive per row, as in open_clip's ClipLoss, the others would count as wrong.
2. Hard negatives: pictures come in groups that differ in one attribute, and captions with one
   attribute wrong are added to the texts (see ``clip_data``).
3. Pictures are drawn as they are needed: no picture is seen twice.

A batch depends on (seed, step) alone and a checkpoint holds weights, optimizer state and step, so
a run that was stopped and started again ends in the same weights, bit for bit on one machine.

Run: ``msjoe reel train-clip --out checkpoints/reel-clip``; the same command continues a stopped run.
"""

import argparse
import json
import logging
import math
import sys
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from msjoe.checkpoint_stamp import write_reel_json
from msjoe.clip import Clip
from msjoe.errors import RecipeError
from msjoe.files import remove_leftovers, writing
from msjoe.miniature.clip.card import write_card
from msjoe.miniature.clip.loss import multi_positive_loss
from msjoe.miniature.clip.model import build_tokenizer, clip_config, continued_clip, new_clip, save_clip
from msjoe.miniature.clip.training_pairs import PairBatch, make_batch
from msjoe.miniature.clip.validate import decoy_figures, validate_clip
from msjoe.miniature.prefetch import prefetch
from msjoe.miniature.run_options import RunOptions, add_run_options, run_options
from msjoe.miniature.training_loop import Paused, check_rate
from msjoe.miniature.training_state import ADVICE, CHECKPOINT_SECONDS, TrainingState, note_metrics, trim_metrics
from msjoe.run_lock import run_lock

log = logging.getLogger(__name__)

STATE_NAME = "state"
METRICS_NAME = "metrics.jsonl"


@dataclass(frozen=True)
class ClipTraining:
    """What decides the weights. ``steps`` is part of it, because the learning rate ends at 0 there."""

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


def train_clip(
    out: Path,
    config: ClipTraining = ClipTraining(),
    run_dir: Path | None = None,
    command: str = "",
    running: RunOptions = RunOptions(),
) -> dict:
    """Train, measure on validation videos and write the checkpoint folder ``out``.

    ``run_dir`` (by default beside ``out``) holds the state to resume from and the metrics; an
    existing state of the same settings is continued. Returns what reel.json holds.
    Raises CheckpointError when ``run_dir`` belongs to a run of other settings, Paused when the minutes of
    ``running`` are over.
    """
    run_dir = run_dir or out.with_name(out.name + "-run")
    model, seconds = run_training(config, run_dir, running)
    with writing(out, ADVICE):
        save_clip(model, out)
    record = {
        "command": command or command_of(config),
        "seed": config.seed,
        "steps": config.steps,
        "seconds": round(seconds),
        "training": asdict(config),
        "validation": validate_clip(out),
    }
    with writing(out, ADVICE):
        write_reel_json(out, record)
        write_card(out)
    return record


def run_training(
    config: ClipTraining, run_dir: Path, running: RunOptions = RunOptions(), stop_after: int | None = None
) -> tuple[torch.nn.Module, float]:
    """The loop: returns the trained model and the seconds spent on it, earlier parts of the run included.

    ``stop_after`` ends it early at that step with a checkpoint, as an interruption would. Raises BusyError while
    another process trains in ``run_dir``, PathError when something cannot be written.
    """
    torch.set_num_threads(1)  # one is faster than two where another process works beside it
    model = continued_clip(Path(config.start_from)) if config.start_from else new_clip(config.seed)
    with run_lock(run_dir):
        remove_leftovers(run_dir / STATE_NAME)
        return _run_steps(model.to(running.device), config, run_dir, running, stop_after)


def _run_steps(
    model: torch.nn.Module, config: ClipTraining, run_dir: Path, running: RunOptions, stop_after: int | None
) -> tuple[torch.nn.Module, float]:
    optimizer = build_optimizer(model, config)
    state = TrainingState(run_dir / STATE_NAME, model, [optimizer], asdict(config))
    done, seconds = state.restore()
    trim_metrics(run_dir / METRICS_NAME, done)
    tokenizer = build_tokenizer()
    model.train()
    last = min(config.steps, stop_after or config.steps)
    start = saved = time.monotonic()
    bar = tqdm(range(done, last), initial=done, total=config.steps, unit="step", mininterval=10, file=sys.stderr)
    make = partial(_batch_of, config.seed, config.batch, model.visual.image_size[0])
    for step, batch in zip(bar, prefetch(make, range(done, last), running.workers), strict=True):
        metrics = train_step(model, optimizer, tokenizer, batch, step, config)
        spent = seconds + time.monotonic() - start
        if (step + 1) % 50 == 0 or step + 1 == last:
            metrics["samples_per_s"] = config.batch * (step + 1 - done) / (time.monotonic() - start)
            if (step + 1) % 500 == 0:
                metrics["hard_decoys"] = decoy_figures(as_clip(model, tokenizer), pictures=128)["first"]
            note_metrics(run_dir / METRICS_NAME, {"step": step + 1, "seconds": spent, **metrics})
            bar.set_postfix({name: f"{value:.3g}" for name, value in metrics.items()})
        over = running.minutes is not None and time.monotonic() - start > 60 * running.minutes
        if time.monotonic() - saved > CHECKPOINT_SECONDS or step + 1 == last or over:
            state.save(step + 1, spent)
            saved = time.monotonic()
        if over and step + 1 < last:
            raise Paused(f"{step + 1} of {config.steps} steps are done; the same command goes on")
    return model.cpu().eval(), seconds + time.monotonic() - start


def _batch_of(seed: int, pictures: int, size: int, step: int) -> PairBatch:
    return make_batch(seed, step, pictures, size)


def train_step(
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    tokenizer,
    batch: PairBatch,
    step: int,
    config: ClipTraining,
) -> dict[str, float]:
    """One update of the weights in place; returns the metrics of the loss and the learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, config)
    device = model.logit_scale.device
    ids_ML = encode_ids(tokenizer, batch.texts, model.context_length).to(device)
    true_MN = torch.from_numpy(batch.true_MN).to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        picture_ND, text_MD = model.encode_image(to_input(batch.pictures).to(device)), model.encode_text(ids_ML)
    loss, metrics = multi_positive_loss(picture_ND.float(), text_MD.float(), true_MN, model.logit_scale.exp())
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    with torch.no_grad():
        model.logit_scale.clamp_(0, math.log(config.max_scale))
    return {**metrics, "lr": optimizer.param_groups[0]["lr"]}


def build_optimizer(model: torch.nn.Module, config: ClipTraining) -> torch.optim.AdamW:
    """AdamW; biases, norms, embeddings of positions and the logit scale are not decayed."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.98), eps=1e-6)


def learning_rate(step: int, config: ClipTraining) -> float:
    """Linear warm-up, then a cosine from the peak to 0 at the last step."""
    if step < config.warmup:
        return config.lr * (step + 1) / config.warmup
    share = (step - config.warmup) / max(1, config.steps - config.warmup)
    return config.lr * 0.5 * (1 + math.cos(math.pi * share))


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
    """The model in training as the Clip that validation asks."""

    def encode(texts: list[str]) -> torch.Tensor:
        return encode_ids(tokenizer, texts, model.context_length)

    return Clip("in training", model.visual.image_size[0], model.logit_scale.device, model, encode, None)


def command_of(config: ClipTraining) -> str:
    start = f" --start-from {config.start_from}" if config.start_from else ""
    return f"msjoe reel train-clip{start} --steps {config.steps} --lr {config.lr:g} --seed {config.seed}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of ``msjoe reel train-clip``."""
    parser.add_argument("--out", type=Path, required=True, help="checkpoint folder to write")
    parser.add_argument("--run-dir", type=Path, help="where state and metrics go (default: OUT-run)")
    parser.add_argument("--steps", type=int, default=ClipTraining.steps, help="default %(default)s, about 50 minutes")
    parser.add_argument("--lr", type=float, default=ClipTraining.lr, help="at its peak, default %(default)s")
    parser.add_argument(
        "--start-from",
        default="",
        metavar="FOLDER",
        help="an earlier miniature whose weights the run starts from; without it, it starts fresh",
    )
    parser.add_argument("--seed", type=int, default=0)
    add_run_options(parser)


def run_args(args: argparse.Namespace) -> None:
    """Train as the flags say, or until the minutes are over."""
    config = ClipTraining(args.steps, args.seed, lr=args.lr, start_from=args.start_from)
    try:
        record = train_clip(args.out, config, args.run_dir, running=run_options(args))
    except Paused as paused:
        log.info("%s", paused)
    else:
        log.info("wrote %s: %s", args.out, json.dumps(record["validation"]))
