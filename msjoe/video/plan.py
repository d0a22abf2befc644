"""Which packets have to be decoded to get the wanted frames, and in which independent parts.

A GOP is a key frame and the packets after it in the file. Those of them that are shown before
their key frame ("leading") refer to the GOP before as well.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from msjoe.video.index import PacketIndex


@dataclass(frozen=True)
class Chain:
    """A run of packets that can be decoded by itself: from a key frame to the last wanted frame."""

    first: int  # position of the key frame to start at
    last: int  # position of the last packet needed
    floor: int | None  # leading packets, shown before this time, cannot be decoded from here
    wanted: tuple[int, ...]  # display times, sorted
    targets: frozenset[int]  # positions of the wanted frames' packets


def plan_chains(index: PacketIndex, wanted: Sequence[int]) -> list[Chain]:
    """Cut ``wanted`` (sorted display times that the index has) into chains, in order of time."""
    keys = np.flatnonzero(index.key_N)
    by_time = np.argsort(index.pts_N)
    position_T = by_time[np.searchsorted(index.pts_N[by_time], wanted)]
    gop_T = np.searchsorted(keys, position_T, side="right") - 1
    leading_T = index.pts_N[position_T] < index.pts_N[keys[gop_T]]
    start_T = np.maximum(gop_T - leading_T, 0)
    # A new chain starts where decoding can start behind everything wanted before.
    fresh_T = np.concatenate([[True], start_T[1:] > np.maximum.accumulate(gop_T)[:-1]])
    cuts = np.flatnonzero(fresh_T)
    chains = []
    for part, start in zip(np.split(np.arange(len(wanted)), cuts[1:]), start_T[cuts], strict=True):
        first = int(keys[start])
        positions = position_T[part]
        floor = int(index.pts_N[first]) if start > 0 else None  # before the first key frame there is nothing to miss
        times = tuple(int(t) for t in index.pts_N[positions])
        chains.append(Chain(first, int(positions.max()), floor, times, frozenset(positions.tolist())))
    return chains


def group_chains(chains: Sequence[Chain], frames: int) -> list[list[Chain]]:
    """Join neighbouring chains into jobs of about ``frames`` wanted frames each."""
    jobs: list[list[Chain]] = []
    room = 0
    for chain in chains:
        if room <= 0:
            jobs.append([])
            room = frames
        jobs[-1].append(chain)
        room -= len(chain.wanted)
    return jobs
