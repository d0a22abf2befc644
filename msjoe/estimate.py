"""How long a job will take and how much memory it needs, said before it starts.

Shapes: T dense frames.
"""

import time
from dataclasses import dataclass

import numpy as np
import psutil
import torch
from torch.func import functional_call
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForImageTextToText

from msjoe.clip import Clip
from msjoe.errors import CheckpointError

LONG_SECONDS = 60.0  # a job above this is worth a word
BATCH = 64  # frames that FrameSource.dense yields at once
CALIBRATION_FRAMES = 2
# Operations a second for the first guess, on the low side so that a long job is not missed.
GUESSED_RATE = {"cpu": 2e10, "cuda": 2e13, "mps": 2e12}  # for a CPU: of one thread
SMALL_CLIP = "ViT-B-32:laion2b_s34b_b79k"
SMALL_CLIP_FLOPS = 8.8e9  # a frame through ViT-B-32 at 224 pixels
NF4_BYTES = 0.516  # a weight in NF4, blocks of 64 with double-quantised scales: 4.127 bits (arXiv 2305.14314)
WORKING_SHARE = 0.15  # of the weights: activations, key-value cache and the allocator's slack


@dataclass(frozen=True)
class Estimate:
    """What a job will need. ``measured``: from a timed sample rather than from operation counts."""

    seconds: float
    memory_bytes: int
    measured: bool


def estimate_clip(clip: Clip, n_frames: int) -> Estimate:
    """Time and memory of ``n_frames`` dense frames through ``clip`` on its device.

    Operations are counted without computing; only when they promise a long job are two frames timed.
    Decoding overlaps and is not counted. Memory is the weights and a batch's largest outputs.
    """
    flops, peak = _count_frame(clip)
    rate = GUESSED_RATE.get(clip.device.type, GUESSED_RATE["cpu"])
    if clip.device.type == "cpu":
        rate *= torch.get_num_threads()
    seconds = n_frames * flops / rate
    measured = seconds > LONG_SECONDS
    if measured:
        seconds = n_frames * _time_frame(clip)
    weights = sum(p.numel() * p.element_size() for p in clip.model.parameters())
    return Estimate(seconds, weights + min(n_frames, BATCH) * peak, measured)


def clip_warning(clip: Clip, n_frames: int, duration: float) -> str | None:
    """What to tell before ``duration`` seconds of video go through ``clip``; None when it is quick.

    E.g. "1 h 02 min of video is 3720 frames through ViT-L-14:openai on the CPU: about 2.5 h. ...".
    """
    estimate = estimate_clip(clip, n_frames)
    if estimate.seconds <= LONG_SECONDS:
        return None
    flops, _ = _count_frame(clip)
    ways = ["--dense-fps with half the rate (half the time)"]
    if flops > 2 * SMALL_CLIP_FLOPS:
        ways.insert(0, f"--clip {SMALL_CLIP} (about {flops / SMALL_CLIP_FLOPS:.0f} times)")
    device = "the CPU" if clip.device.type == "cpu" else f"this {clip.device.type} device"
    return (
        f"{length_text(duration)} of video is {n_frames} frames through {clip.id} on {device}: "
        f"{rough_text(estimate.seconds)}. Quicker: {', '.join(ways)}"
    )


def mllm_bytes(name: str, load_in_4bit: bool = False, dtype: torch.dtype = torch.bfloat16) -> int:
    """Bytes of an MLLM's weights, from its config alone (a hub id or a folder); nothing is allocated.

    In 4 bits the linear layers except the output layer are NF4, as bitsandbytes does it.
    Raises CheckpointError when the config cannot be had.
    """
    try:
        config = AutoConfig.from_pretrained(name)
        with torch.device("meta"):
            model = AutoModelForImageTextToText.from_config(config)
    except (OSError, ValueError) as error:
        said = str(error).strip().partition("\n")[0][:200] or type(error).__name__
        raise CheckpointError(f"no MLLM config in {name} ({said})") from error
    output = model.get_output_embeddings()
    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m is not output]
    quantised = sum(m.weight.numel() for m in linear) if load_in_4bit else 0
    return round((sum(p.numel() for p in model.parameters()) - quantised) * dtype.itemsize + quantised * NF4_BYTES)


def mllm_warning(
    name: str, load_in_4bit: bool, device: torch.device, dtype: torch.dtype = torch.bfloat16
) -> str | None:
    """What to tell before an MLLM is loaded that will not fit into the free memory; else None."""
    needed = mllm_bytes(name, load_in_4bit, dtype) * (1 + WORKING_SHARE)
    free = free_bytes(device)
    if needed <= free:
        return None
    where = "this machine" if device.type == "cpu" else "the GPU"
    smaller = "a smaller MLLM" if load_in_4bit else "--load-in-4bit or a smaller MLLM"
    return f"{name} needs about {needed / 1e9:.1f} GB and {where} has {free / 1e9:.1f} GB free: try {smaller}"


def free_bytes(device: torch.device) -> int:
    """Memory that a new model could take on ``device``."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available


def length_text(seconds: float) -> str:
    """A video's length: "1 h 02 min", "12 min" or "45 s"."""
    minutes = round(seconds / 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min" if minutes else f"{seconds:.0f} s"


def rough_text(seconds: float) -> str:
    """A time that is only roughly known: "about 2.5 h", "about 12 min" or "about 40 s"."""
    if seconds >= 5400:
        return f"about {seconds / 3600:.1f} h"
    return f"about {seconds / 60:.0f} min" if seconds >= 90 else f"about {seconds:.0f} s"


def _count_frame(clip: Clip) -> tuple[int, int]:
    """(operations, bytes of the three largest outputs alive together) of one frame, on meta tensors."""
    visual = clip.model.visual
    weights = {
        name: tensor.detach().to("meta") for name, tensor in (*visual.named_parameters(), *visual.named_buffers())
    }
    largest = [0]

    def note(_module, _inputs, output) -> None:
        if isinstance(output, torch.Tensor):
            largest[0] = max(largest[0], output.numel() * 4)

    hooks = [module.register_forward_hook(note) for module in visual.modules()]
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            functional_call(visual, weights, torch.empty(1, 3, clip.size, clip.size, device="meta"))
    finally:
        for hook in hooks:
            hook.remove()
    return counter.get_total_flops(), 3 * largest[0]


def _time_frame(clip: Clip) -> float:
    """Seconds a frame, from a second small batch (the first warms up)."""
    shape = (CALIBRATION_FRAMES, clip.size, clip.size, 3)
    frames = np.random.default_rng(0).integers(0, 256, shape, np.uint8)  # equal ones would be encoded once
    for _ in range(2):
        start = time.perf_counter()
        list(clip.encode_batches([frames]))
    return (time.perf_counter() - start) / CALIBRATION_FRAMES
