"""CLIP features in memory: what stands in for the cache on disk where that is switched off."""

from collections import OrderedDict

import numpy as np

from msjoe.cache import FeatureKey

MOST_BYTES = 256 << 20  # about 23 hours of video at 1 fps and the 768 float32 of ViT-L/14


class MemoryCache:
    """The same two calls as ``msjoe.cache.FeatureCache``; the least recently used go first."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._feats: OrderedDict[FeatureKey, np.ndarray] = OrderedDict()

    def get(self, key: FeatureKey) -> np.ndarray | None:
        """Float32 [T, D] as it was put, or None."""
        if key in self._feats:
            self._feats.move_to_end(key)
        return self._feats.get(key)

    def put(self, key: FeatureKey, feats: np.ndarray) -> None:
        """Keep ``feats``, unless they alone are more than all may be."""
        self._feats[key] = feats
        while self._feats and sum(kept.nbytes for kept in self._feats.values()) > self._most:
            self._feats.popitem(last=False)
