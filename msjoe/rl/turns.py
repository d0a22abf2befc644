"""The two turns as training sees them: what was shown, what was said, and with which probability.

Shapes: L new tokens of one reply.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from msjoe.mllm import Mllm, Shown
from msjoe.rl.frame_tokens import FrameTokens
from msjoe.rl.tokens import Prompts, Sampled, Voice, completion_logps, sample_tokens, shared_logps

REASON, ANSWER = "reason", "answer"


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
        self.frames = FrameTokens(mllm)

    def prompts(self, turn: str, shown: Sequence[Shown]) -> Prompts:
        """Encoded prompts of one turn; pictures within the turn's size."""
        pixels = self.mllm.preview_pixels if turn == REASON else self.mllm.frame_pixels
        message = self.message(turn)
        if self._tower_learns() or not any(one.frames for one in shown):
            return Prompts(dict(self.mllm.inputs(shown, message, pixels)), tuple(len(one.frames) for one in shown))
        seen, grids = self.frames.of([frame for one in shown for frame in one.frames], pixels)
        inputs = self.mllm.inputs_of_seen(shown, message, grids)
        return Prompts(inputs, tuple(len(one.frames) for one in shown), seen)

    def message(self, turn: str) -> Callable[[Shown], dict]:
        """What makes the chat message of a turn."""
        return self._reason_message if turn == REASON else self._answer_message

    def _tower_learns(self) -> bool:
        return any(p.requires_grad for p in self.mllm.model.model.visual.parameters())

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
        said: list[list[Said]] = [[] for _ in shown]
        for part, prompts in self._batches(turn, shown, at_once):
            keys = [generators[i] for i in part] if generators else ()
            rows = self._read(sample_tokens(self.mllm.model, prompts, group, voice, keys), voice)
            for place, i in enumerate(part):
                said[i] = rows[place * group : (place + 1) * group]
        return said

    def _batches(self, turn: str, shown: Sequence[Shown], size: int) -> Iterator[tuple[list[int], Prompts]]:
        """Prompts ``size`` at once, with their places in ``shown``; those of about one length together.

        Prompts of one length need no padding, and then attention needs no mask and skips what lies ahead.
        """
        if self._tower_learns():  # pixels of all would take too much memory
            for start in range(0, len(shown), size):
                part = list(range(start, min(start + size, len(shown))))
                yield part, self.prompts(turn, [shown[i] for i in part])
        elif shown:
            prompts = self.prompts(turn, shown)
            order = prompts.inputs["attention_mask"].sum(1).argsort(stable=True).tolist()
            for start in range(0, len(order), size):
                yield order[start : start + size], prompts.rows(order[start : start + size])

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
