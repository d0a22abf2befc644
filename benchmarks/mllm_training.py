"""How many questions a second the miniature MLLM learns from, packed and not.

    python benchmarks/mllm_training.py --steps 4

A training sample is a few frames with many short questions about them, each of which sees the frames and itself
only (``msjoe/miniature/mllm/samples/packing.py``). Side by side in one run, forward and backward of the same questions:

- packed: as training does it, frames encoded once for all their questions;
- transformers: the model's own forward pass on what its processor makes of a question's prompt, eight of about equal
  length at a time.

Prints questions a second, the ratio to the last, and the peak memory of the process so far.
"""

import argparse
import resource
import time
from collections.abc import Callable, Iterator

import torch
from PIL import Image
from tqdm import tqdm

from msjoe.miniature.mllm.language_loss import language_loss
from msjoe.miniature.mllm.model import build_processor, new_mllm
from msjoe.miniature.mllm.samples.branches import Branch
from msjoe.miniature.mllm.samples.frame_sets import FrameSet
from msjoe.miniature.mllm.samples.packing import collate
from msjoe.miniature.mllm.samples.training_mix import LESSONS, draw_samples
from msjoe.prompts import MINIATURE_TEMPLATES

ROWS = 8  # of a batch for transformers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=4, help="batches of training's mix (default: 4)")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model, processor = new_mllm(0), build_processor()
    model.model.visual.requires_grad_(False)
    first = LESSONS[-1][0]  # from here on the mix is the last one
    drawn = [draw_samples(0, step) for step in range(first, first + args.steps)]
    print(f"{sum(len(branches) for samples in drawn for _, branches in samples)} questions, {args.threads} thread(s)")
    ways: dict[str, Callable] = {
        "packed": lambda samples: [language_loss(model, collate(samples))[0]],
        "transformers": lambda samples: own_losses(model, processor, samples),
    }
    seconds = {name: timed(name, way, drawn) for name, way in ways.items()}
    for name, spent in seconds.items():
        print(f"{name:<14} {spent:6.1f} s, {seconds['transformers'] / spent:5.1f} x transformers'")


def apart(samples: list[tuple[FrameSet, list[Branch]]]) -> Iterator[tuple[FrameSet, list[Branch]]]:
    return ((frame_set, [branch]) for frame_set, branches in samples for branch in branches)


def own_losses(model, processor, samples) -> Iterator[torch.Tensor]:
    """Losses of transformers' own forward pass, ROWS questions at a time; the reply's tokens alone count."""
    rows = sorted(apart(samples), key=lambda row: (len(row[0].frames), len(row[1][0].prompt)))
    for i in range(0, len(rows), ROWS):
        texts, pictures = zip(
            *(as_chat(processor, frame_set, branch) for frame_set, (branch,) in rows[i : i + ROWS]), strict=True
        )
        flat = [picture for row in pictures for picture in row] or None
        inputs = processor(text=list(texts), images=flat, return_tensors="pt", padding=True)
        labels = inputs["input_ids"].clone()
        for row, (_, (branch,)) in enumerate(rows[i : i + ROWS]):
            labels[row, : -len(processor.tokenizer(branch.reply).input_ids) - 1] = -100  # padded on the left
        yield model(**inputs, labels=labels).loss


def as_chat(processor, frame_set: FrameSet, branch: Branch) -> tuple[str, list[Image.Image]]:
    frames = MINIATURE_TEMPLATES.answer_message("", [], frame_set.times)["content"][:-1]
    message = {"role": "user", "content": [*frames, {"type": "text", "text": branch.prompt}]}
    text = processor.apply_chat_template([message], tokenize=False, add_generation_prompt=True)
    pictures = [Image.fromarray(picture) for picture in frame_set.pictures()] if frame_set.frames else []
    return f"{text}{branch.reply}<|im_end|>", pictures


def timed(name: str, losses_of: Callable, drawn: list) -> float:
    """Seconds of forward and backward over all steps."""
    start = time.perf_counter()
    for samples in tqdm(drawn, desc=name, unit="step"):
        for loss in losses_of(samples):
            loss.backward()
    spent = time.perf_counter() - start
    count = sum(len(branches) for samples in drawn for _, branches in samples)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name:<14} {count / spent:6.1f} questions a second, peak {peak:.1f} GiB")
    return spent


if __name__ == "__main__":
    main()
