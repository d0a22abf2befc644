"""The two turns as training sees them: what was shown, what was said, and with which probability.

Shapes: L new tokens of one reply.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from msjoe.mllm import Mllm, Shown
from msjoe.rl.tokens import Prompts, Sampled, Voice, completion_logps, sample_tokens, shared_logps

REASON, ANSWER = "reason", "answer"
SEEN_BYTES = 2 << 30  # of pictures and their visual tokens kept


@dataclass(frozen=True)
class Said:
    """A reply of the MLLM: its words, its tokens with the end mark, and their log-probabilities when drawn."""

    text: str
    tokens_L: Tensor  # int64
    logp_L: Tensor  # float32
    ended: bool  # by the model itself and not by the limit


class Speaker:
    """An MLLM that is sampled and trained."""

    def __init__(self, mllm: Mllm, max_queries: int, batch: int = 16) -> None:
        """``batch``: replies computed at once."""
        self.mllm, self.max_queries, self.batch = mllm, max_queries, batch
        self.share_prompts = True  # in ``logps``
        self.pad: int = mllm.processor.tokenizer.pad_token_id
        self._seen: dict[tuple[int, int], tuple[np.ndarray, Tensor]] = {}  # pictures by identity, which they keep here
        self._seen_bytes = 0

    def prompts(self, turn: str, shown: Sequence[Shown]) -> Prompts:
        """Encoded prompts of one turn; pictures within the turn's size."""
        if turn == REASON:
            pixels, message = self.mllm.preview_pixels, self._reason_message
        else:
            pixels, message = self.mllm.frame_pixels, self._answer_message
        inputs = dict(self.mllm.inputs(shown, message, pixels))
        pictures_B = tuple(len(one.frames) for one in shown)
        if not sum(pictures_B) or any(p.requires_grad for p in self.mllm.model.model.visual.parameters()):
            return Prompts(inputs, pictures_B)
        frames = [frame for one in shown for frame in one.frames]
        seen = self._look(frames, pixels, inputs.pop("pixel_values"), inputs["image_grid_thw"])
        return Prompts(inputs, pictures_B, seen)

    @torch.no_grad()
    def _look(self, frames: Sequence[np.ndarray], pixels: int, patches: Tensor, grids: Tensor) -> tuple[Tensor, ...]:
        """Visual tokens of each picture. A frozen tower sees it once, however many rollouts and updates show it."""
        keys = [(id(frame), pixels) for frame in frames]
        if self._seen_bytes > SEEN_BYTES:
            self._seen.clear()
            self._seen_bytes = 0
        new = {key: i for i, key in enumerate(keys) if key not in self._seen}
        if new:
            patches_of = patches.split(grids.prod(-1).tolist())
            core, places = self.mllm.model.model, list(new.values())
            found = core.get_image_features(torch.cat([patches_of[i] for i in places]), grids[places], return_dict=True)
            for (key, i), tokens in zip(new.items(), found.pooler_output, strict=True):
                self._seen[key] = frames[i], tokens
                self._seen_bytes += frames[i].nbytes + tokens.nbytes
        return tuple(self._seen[key][1] for key in keys)

    def say(
        self,
        turn: str,
        shown: Sequence[Shown],
        group: int,
        temperature: float,
        generators: Sequence[torch.Generator],
    ) -> list[list[Said]]:
        """``group`` replies to each of ``shown``; one generator each. Greedy replies of a group are all the same."""
        self.mllm.model.eval()
        voice = self._voice(turn, temperature)
        at_once = max(1, self.batch // group)
        said = []
        for start in range(0, len(shown), at_once):
            part = slice(start, start + at_once)
            prompts = self.prompts(turn, shown[part])
            drawn = sample_tokens(self.mllm.model, prompts, group, voice, generators[part])
            rows = self._read(drawn, voice)
            said += [rows[i : i + group] for i in range(0, len(rows), group)]
        return said

    def logps(
        self,
        turn: str,
        shown: Sequence[Shown],
        said: Sequence[Said],
        temperature: float,
        model: nn.Module | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Log-probabilities of replies under the present weights (or ``model``'s), the mask and the entropies, [N, L].

        Row i is the reply ``said[i]`` to ``shown[i]``. Replies to the very same ``Shown`` share its prompt.
        """
        device = self.mllm.device
        unlike = list({id(one): one for one in shown}.values())
        place = {id(one): i for i, one in enumerate(unlike)}
        prompts, index_N = self.prompts(turn, unlike), [place[id(one)] for one in shown]
        tokens_NL = nn.utils.rnn.pad_sequence([s.tokens_L for s in said], batch_first=True, padding_value=self.pad)
        lengths_N = torch.tensor([len(s.tokens_L) for s in said])
        mask_NL = (torch.arange(tokens_NL.shape[1]) < lengths_N[:, None]).to(device)
        which = self.mllm.model if model is None else model
        share = self.share_prompts and len(unlike) < len(shown)
        find = shared_logps if share else completion_logps
        logp_NL, entropy_NL = find(which, prompts, index_N, tokens_NL.to(device), mask_NL, temperature)
        return logp_NL, mask_NL, entropy_NL

    def _voice(self, turn: str, temperature: float) -> Voice:
        templates, ends = self.mllm.templates, self.mllm.model.generation_config.eos_token_id
        limit = templates.reason_new_tokens if turn == REASON else templates.answer_new_tokens
        return Voice(limit, tuple(ends) if isinstance(ends, list) else (ends,), self.pad, temperature)

    def _read(self, drawn: Sampled, voice: Voice) -> list[Said]:
        texts = self.mllm.processor.batch_decode(
            drawn.tokens_NL, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        rows = zip(texts, drawn.tokens_NL.cpu(), drawn.logp_NL.cpu(), drawn.mask_NL.sum(1).tolist(), strict=True)
        return [Said(text, ids[:n], logp[:n], int(ids[n - 1]) in voice.ends) for text, ids, logp, n in rows]

    def _reason_message(self, shown: Shown) -> dict:
        return self.mllm.templates.reason_message(shown.question, shown.options, shown.times, self.max_queries)

    def _answer_message(self, shown: Shown) -> dict:
        return self.mllm.templates.answer_message(shown.question, shown.options, shown.times)


def generator(device: torch.device, purpose: str, *parts: int | str) -> torch.Generator:
    """Its draws depend on ``purpose`` and ``parts`` alone: the same for any number of processes and after a resume.

    ``purpose`` is a word for what is drawn ("query", "frames", "answer"), so that two kinds of draws with the same
    numbers do not share a stream.
    """
    digest = hashlib.sha256(repr((purpose, *parts)).encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "big") >> 1)
