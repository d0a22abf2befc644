"""Which of a file's times are believed, so that one wrong timestamp does not make hours out of seconds.

The distance of two neighbouring pictures is believed, and the first one stays on screen for it, up to a
longest gap. A longer one is a clock that was set anew (an encoder restarted, files joined end to end) or a
damaged number: it says nothing about time, and is replaced by one ordinary step, as a jump backwards is.

The longest gap, beyond the file's usual distance of pictures:

- 10 seconds in formats whose clock may start anew in mid-file (MPEG-TS, MPEG-PS, Ogg: FFmpeg marks them).
  This is FFmpeg's own rule, so that the length is the one that it and players on top of it have.
- An hour in all others. A still of many minutes is usual there: slides, or a screen on which nothing moves.
- 10 seconds in these too, where the header announces a length that holds all pictures only without the longer
  gaps: then two facts, what the header says and how many pictures there are, speak against one timestamp.

Ticks are int64, of the stream's time base.
"""

from fractions import Fraction

import numpy as np

RESTART_SECONDS = 10  # FFmpeg's -dts_delta_threshold
STILL_SECONDS = 3600
REORDERED = 16  # pictures that a codec may hold back at most
AGREES = 0.02  # two lengths differ by less than this share, or by half a second


def longest_gap(
    pts_N: np.ndarray, dts_N: np.ndarray, step: int, time_base: Fraction, restarts: bool, announced: int | None
) -> int:
    """Ticks up to which the distance of two pictures on screen is believed; the module says by what rule.

    ``restarts``: whether the format's clock may start anew; ``announced``: the header's length, if it has one.
    """
    shown, decoded = np.unique(pts_N), np.unique(dts_N)
    hour = int(STILL_SECONDS / time_base)
    usual = min(usual_step(shown, step), hour)  # a distance of more is no measure of what is usual
    short, long = usual + int(RESTART_SECONDS / time_base), usual + hour
    if restarts:
        return short
    if announced:
        # In MP4 the header counts times of decoding, which end before a last still is on screen.
        without, with_them = (_length(steady_times(decoded, usual, gap)) + usual for gap in (short, long))
        room = max(AGREES * announced, 0.5 / time_base)
        if without <= announced + room < with_them:
            return short
    return long


def _length(ticks: np.ndarray) -> int:
    return int(ticks[-1] - ticks[0]) if len(ticks) else 0


def usual_step(ticks: np.ndarray, step: int) -> int:
    """The lower median of the distances in ``ticks`` (sorted); ``step`` where there are none."""
    gaps = np.diff(ticks)
    gaps = np.sort(gaps[gaps > 0])  # a difference of extreme numbers can overflow
    return int(gaps[(len(gaps) - 1) // 2]) if len(gaps) else step


def steady_times(ticks_N: np.ndarray, step: int, longest: int) -> np.ndarray:
    """The same times, in which every jump backwards or over more than ``longest`` is one ``step`` forwards."""
    gaps = np.diff(ticks_N)
    believed = (gaps > 0) & (gaps <= longest)
    return np.cumsum(np.concatenate([ticks_N[:1], np.where(believed, gaps, step)]))


def far_apart(pts_N: np.ndarray, dts_N: np.ndarray, longest: int, step: int) -> np.ndarray:
    """Which pictures are shown longer after their decoding than any reordering takes: one of the times is wrong."""
    apart_N = np.abs(pts_N.astype(np.float64) - dts_N)
    return apart_N > longest + REORDERED * usual_step(np.unique(pts_N), step)


def without_wrong(pts_N: np.ndarray, wrong_N: np.ndarray, step: int) -> np.ndarray:
    """The sorted times of pictures but the wrong ones, which follow as far as they left no hole between the others."""
    right = np.sort(pts_N[~wrong_N])
    usual = usual_step(right, step)
    missing = (len(pts_N) - 1) * usual - int(right[-1] - right[0])
    behind = min(max(missing, 0), int(wrong_N.sum()) * usual)
    return np.append(right, right[-1] + behind) if behind else right


def jumps(ticks: np.ndarray, longest: int) -> np.ndarray:
    """The times of ``ticks`` (sorted) behind which comes a gap that is not believed."""
    gaps = np.diff(ticks)
    return ticks[:-1][(gaps < 0) | (gaps > longest)]
