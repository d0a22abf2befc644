"""CLIP features of frames, cached in memory; used where the cache on disk is switched off."""

from collections import OrderedDict

import numpy as np

from msjoe.cache import FeatureKey

MAX_BYTES = 256 << 20  # about 23 hours of video at 1 fps and the 768 float32 of ViT-L/14


class MemoryFeatureCache:
    """The interface of ``msjoe.cache.FeatureCache``; evicts the least recently used. For one thread."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._feats: OrderedDict[FeatureKey, np.ndarray] = OrderedDict()

    def get(self, key: FeatureKey) -> np.ndarray | None:
        """Float32 [T, D], or None."""
        if key in self._feats:
            self._feats.move_to_end(key)
        return self._feats.get(key)

    def put(self, key: FeatureKey, feats: np.ndarray) -> None:
        """Store ``feats``, unless they alone exceed the limit."""
        self._feats[key] = feats
        while self._feats and sum(entry.nbytes for entry in self._feats.values()) > self._max_bytes:
            self._feats.popitem(last=False)
