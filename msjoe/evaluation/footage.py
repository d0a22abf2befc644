"""One video under evaluation: what is computed once, however many questions and arms ask for it.

Shapes: Q queries, T dense frames, D embedding width.
"""

import time
from collections.abc import Collection
from functools import cached_property

import numpy as np

from msjoe.clip import feature_key
from msjoe.routing import Scope, ask_scope
from msjoe.steps import Models, fetch_frames, preview_times
from msjoe.video.base import FrameSource, dense_count

SHELF_BYTES = 1 << 30  # of key-frames kept while a video is worked on


class Footage:
    """Features, previews, texts, labels of questions and key-frames of one video, each made when first asked for."""

    def __init__(self, source: FrameSource, models: Models, dense_fps: float) -> None:
        self.source, self.models, self.dense_fps = source, models, dense_fps
        self.feature_seconds = 0.0  # spent on feats_TD
        self._previews: dict[int, tuple[list[float], list[np.ndarray]]] = {}
        self._scopes: dict[str, Scope] = {}
        self._texts: dict[tuple[str, ...], np.ndarray] = {}
        self._pictures: dict[tuple[float, int], np.ndarray] = {}

    @property
    def times_T(self) -> np.ndarray:
        """Seconds of the dense frames, float32."""
        count = dense_count(self.source.duration, self.dense_fps)
        return (np.arange(count) / self.dense_fps).astype(np.float32)

    @cached_property
    def feats_TD(self) -> np.ndarray:
        """Unnormalised CLIP embeddings of the dense frames, from the cache of features where there is one."""
        start = time.perf_counter()
        clip, cache = self.models.clip, self.models.cache
        key = feature_key(self.source, clip, self.dense_fps) if cache else None
        feats_TD = cache.get(key) if cache else None
        if feats_TD is None:
            feats_TD = np.concatenate(list(clip.encode_batches(self.source.dense(self.dense_fps, clip.size))))
            if cache:
                cache.put(key, feats_TD)
        self.feature_seconds = time.perf_counter() - start
        return feats_TD

    def previews(self, count: int) -> tuple[list[float], list[np.ndarray]]:
        """Times and pictures of ``count`` previews."""
        if count not in self._previews:
            times = preview_times(self.source.duration, count)
            self._previews[count] = times, self.source.frames_at(times, self.models.mllm.preview_pixels)
        return self._previews[count]

    def text_QD(self, queries: Collection[str]) -> np.ndarray:
        """Unnormalised CLIP embeddings of a set of queries, encoded together as ``pipeline.run`` does."""
        key = tuple(queries)
        if key not in self._texts:
            self._texts[key] = self.models.clip.encode_texts(key)
        return self._texts[key]

    def scope(self, question: str) -> Scope:
        """Whether a question is about the whole video, as the MLLM says."""
        if question not in self._scopes:
            self._scopes[question] = ask_scope(self.models.mllm, question)
        return self._scopes[question]

    def pictures(self, wanted: Collection[tuple[float, int]]) -> dict[tuple[float, int], np.ndarray]:
        """Pictures by (seconds, most pixels). Each is read once, while those of the video fit into SHELF_BYTES."""
        if sum(picture.nbytes for picture in self._pictures.values()) > SHELF_BYTES:
            self._pictures.clear()
        missing = {frame for frame in wanted if frame not in self._pictures}
        self._pictures |= fetch_frames(self.source, missing)
        return {frame: self._pictures[frame] for frame in wanted}
