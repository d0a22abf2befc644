"""Which raw frames of a file the published methods look at: their candidate pools and uniform baselines.

All are pure functions from a number of frames and a rate to raw frame ids (int64), one for each way
in which AKS, BOLT, Q-Frame and TSPO count; ``plain.linspace_trunc`` is the one they share. In a
comparison of this project every selector gets the same pool instead (dense frame i at i / fps seconds);
these serve whoever brings score files of the original code.

``round`` is half to even throughout. Shapes: K chosen, N frames of a file.
"""

from collections.abc import Sequence

import numpy as np

from msjoe.errors import QuestionError
from msjoe.selectors.plain import linspace_trunc


def llava_1fps_cap(count: int, fps: float, budget: int) -> np.ndarray:
    """Every round(fps)-th frame; more than ``budget`` of them: linspace_trunc over the raw frames instead.

    LLaVA-Video's uniform baseline, Q-Frame's pool with 128. Raises QuestionError below 1 frame a second,
    where the stride would be 0.
    """
    ids = np.arange(0, count, _stride(round(fps), fps))
    return linspace_trunc(count, budget) if len(ids) > budget else ids


def qwen_nframes(count: int, budget: int) -> np.ndarray:
    """Qwen2.5-VL's ``nframes``: an even number of frames, evenly spread in float32.

    Raises QuestionError where the video has fewer frames, or the even number is 0, as the original does.
    """
    even = 2 * round(budget / 2)
    if not 2 <= even <= count:
        raise QuestionError(f"Qwen's nframes gives {even} of {count} frames: it can give 2 to {count}")
    spread_K = np.linspace(0, count - 1, even, dtype=np.float32)
    return np.round(spread_K).astype(np.int64)


def bolt_pool(count: int, fps: float, target_fps: float = 1.0) -> np.ndarray:
    """BOLT's pool: the raw frame nearest to each i / target_fps seconds."""
    seconds = np.arange(int(count / fps * target_fps)) / target_fps
    return np.round(seconds * fps).astype(np.int64).clip(0, count - 1)


def aks_pool(count: int, fps: float) -> np.ndarray:
    """AKS's pool: every int(fps)-th frame, so 29.97 fps gives a little more than one a second."""
    stride = _stride(int(fps), fps)
    return np.arange(count // stride) * stride


def tspo_train_pool(count: int, fps: float, max_frames: int = 128, min_frames: int = 50) -> np.ndarray:
    """TSPO's pool in training: every round(fps)-th frame; outside [min, max] of them ``max_frames`` evenly spread."""
    ids = np.arange(0, count, _stride(round(fps), fps))
    return ids if min_frames <= len(ids) <= max_frames else linspace_trunc(count, max_frames)


def list_or_uniform(chosen: Sequence[int], count: int, budget: int) -> np.ndarray:
    """The first ``budget`` of ``chosen``, sorted; a shorter list is dropped for K uniform frames.

    What the answering code of AKS and TSPO does with a list of raw frames.
    """
    if len(chosen) < budget:
        return linspace_trunc(count, budget)
    return np.sort(np.asarray(chosen[:budget], dtype=np.int64))


def bolt_frame_ids(seconds: Sequence[float], fps: float, count: int) -> np.ndarray:
    """BOLT's chosen seconds -> raw frames of the file, sorted, repeats kept."""
    ids = np.sort(np.round(np.asarray(seconds, dtype=np.float64) * fps))
    return ids.astype(np.int64).clip(0, count - 1)


def _stride(stride: int, fps: float) -> int:
    if stride < 1:
        raise QuestionError(f"{fps:g} frames a second give a stride of 0: this pool needs a faster video")
    return stride
