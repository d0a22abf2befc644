"""Tokens of the MLLM: drawn many times from a prompt that is computed once, and their log-probabilities.

``transformers``' own ``generate`` copies a prompt for each of its samples before it is computed; here it
is computed once and its keys and values are copied. Positions are worked out here and given to the model, because a
model remembers those of the last prompt it saw. Marks for pictures are never drawn, and have no probability here:
a picture's mark without a picture cannot be read back.

Shapes: B prompts, G samples of each, N = B x G rows (samples of a prompt side by side), P prompt tokens, L new
tokens, V words of the vocabulary.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.utils import ModelOutput

PICTURES = ("pixel_values", "image_grid_thw")
TEXTS = ("input_ids", "attention_mask", "mm_token_type_ids")


@dataclass(frozen=True)
class Prompts:
    """What the processor makes of a batch, padded on the left, and how many pictures each prompt has."""

    inputs: dict[str, Tensor]
    pictures_B: tuple[int, ...]
    seen: tuple[Tensor, ...] | None = None  # what the vision tower made of each picture; then there are no pixels

    def rows(self, index: Sequence[int]) -> "Prompts":
        """Some of the prompts, in the order given; one may be taken several times."""
        index_T = torch.tensor(list(index), device=self.inputs["input_ids"].device)
        needed = self.inputs["attention_mask"][index_T].any(0)  # columns that are padding for all of them go
        chosen = {name: self.inputs[name][index_T][:, needed] for name in TEXTS}
        grids = self.inputs.get("image_grid_thw")
        pictures_B = tuple(self.pictures_B[i] for i in index)
        if grids is None or not sum(pictures_B):
            return Prompts(chosen, pictures_B)
        grids_of = grids.split(self.pictures_B)
        chosen["image_grid_thw"] = torch.cat([grids_of[i] for i in index])
        if self.seen is None:
            patches_of = self.inputs["pixel_values"].split([int(g.prod(-1).sum()) for g in grids_of])
            chosen["pixel_values"] = torch.cat([patches_of[i] for i in index])
            return Prompts(chosen, pictures_B)
        starts_B = [sum(self.pictures_B[:i]) for i in range(len(self.pictures_B))]
        seen = [one for i in index for one in self.seen[starts_B[i] : starts_B[i] + self.pictures_B[i]]]
        return Prompts(chosen, pictures_B, tuple(seen))


@dataclass(frozen=True)
class Sampled:
    """New tokens of N rows, the end mark included, and how likely each was when drawn."""

    tokens_NL: Tensor  # int64, padding behind a row's end
    logp_NL: Tensor  # float32, 0 behind a row's end
    mask_NL: Tensor  # True up to and with the end mark


@dataclass(frozen=True)
class Voice:
    """How tokens are drawn."""

    limit: int  # of new tokens
    ends: tuple[int, ...]  # token ids that end a reply
    pad: int
    temperature: float = 1.0  # 0: the likeliest token; otherwise logits are divided by it, in log-probabilities too


@torch.no_grad()
def sample_tokens(
    model: nn.Module,
    prompts: Prompts,
    group: int,
    voice: Voice,
    generators: Sequence[torch.Generator] = (),
) -> Sampled:
    """``group`` replies to each prompt. ``generators``: one a prompt, on the model's device, for temperature above 0.

    A prompt's replies depend on its own generator alone and not on what else is in the batch.
    """
    count = len(prompts.pictures_B) * group
    out, cache, places_N = _read_prompts(model, prompts, group)
    mask_NP = prompts.inputs["attention_mask"].repeat_interleave(group, 0)
    live_N = torch.ones(count, dtype=torch.bool, device=out.device)
    tokens, logps, masks = [], [], []
    for step in range(voice.limit):
        logp_NV = _log_softmax(model, out, voice.temperature)
        token_N = _draw(logp_NV, group, voice.temperature, generators)
        masks.append(live_N)
        logps.append(logp_NV.gather(1, token_N[:, None])[:, 0].masked_fill(~live_N, 0.0))
        tokens.append(token_N.masked_fill(~live_N, voice.pad))
        live_N = live_N & ~torch.isin(token_N, torch.tensor(voice.ends, device=out.device))
        if step + 1 == voice.limit or not live_N.any():
            break
        mask_NP = F.pad(mask_NP, (0, 1), value=1)
        position_3N1 = (places_N + step).expand(3, -1)[..., None]
        given = {"input_ids": tokens[-1][:, None], "attention_mask": mask_NP, "position_ids": position_3N1}
        out = model(**given, past_key_values=cache, use_cache=True).logits[:, -1]
    return Sampled(torch.stack(tokens, 1), torch.stack(logps, 1), torch.stack(masks, 1))


def completion_logps(
    model: nn.Module,
    prompts: Prompts,
    index_N: Sequence[int],
    tokens_NL: Tensor,
    mask_NL: Tensor,
    temperature: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Log-probability of each token of a reply, and the entropy there, float32 [N, L]; differentiable, 0 off the mask.

    Row i continues the prompt ``index_N[i]``.
    """
    length, own = tokens_NL.shape[1], prompts.rows(index_N)
    positions_3NP, places_N = prompt_positions(model, own)
    ids_NX = torch.cat([own.inputs["input_ids"], tokens_NL], 1)
    mask_NX = torch.cat([own.inputs["attention_mask"], mask_NL.to(own.inputs["attention_mask"])], 1)
    positions_3NX = torch.cat([positions_3NP, _ahead(places_N, length)], 2)
    given = {"attention_mask": mask_NX, "position_ids": positions_3NX, "logits_to_keep": length + 1}
    logits_NLV = _read(model, own, ids_NX, **given, use_cache=False).logits[:, :-1]
    return _of_tokens(model, logits_NLV, tokens_NL, mask_NL, temperature)


def shared_logps(
    model: nn.Module,
    prompts: Prompts,
    index_N: Sequence[int],
    tokens_NL: Tensor,
    mask_NL: Tensor,
    temperature: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """As ``completion_logps``, but a prompt is computed once for all of its rows: for prompts of many rows.

    It keeps keys and values for the gradient, which gradient checkpointing would throw away.
    """
    length, index = tokens_NL.shape[1], torch.tensor(list(index_N), device=tokens_NL.device)
    positions_3BP, places_B = prompt_positions(model, prompts)
    mask_BP = prompts.inputs["attention_mask"]
    given = {"attention_mask": mask_BP, "position_ids": positions_3BP, "logits_to_keep": 1}
    first = _read(model, prompts, prompts.inputs["input_ids"], **given, use_cache=True)
    logits = [first.logits[index]]
    if length > 1:
        first.past_key_values.batch_select_indices(index)
        mask_NX = torch.cat([mask_BP[index], mask_NL[:, :-1].to(mask_BP)], 1)
        given = {"attention_mask": mask_NX, "position_ids": _ahead(places_B[index], length - 1)}
        logits.append(model(tokens_NL[:, :-1], **given, past_key_values=first.past_key_values, use_cache=True).logits)
    return _of_tokens(model, torch.cat(logits, 1), tokens_NL, mask_NL, temperature)


def _ahead(places_N: Tensor, length: int) -> Tensor:
    """Positions of ``length`` tokens from ``places_N`` on, [3, N, length]."""
    return (places_N[:, None] + torch.arange(length, device=places_N.device)).expand(3, -1, -1)


def _of_tokens(
    model: nn.Module, logits_NLV: Tensor, tokens_NL: Tensor, mask_NL: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    logp_NLV = _log_softmax(model, logits_NLV, temperature)
    logp_NL = logp_NLV.gather(2, tokens_NL[..., None])[..., 0]
    entropy_NL = -(logp_NLV.detach().exp() * logp_NLV.detach()).sum(-1)
    return logp_NL.masked_fill(~mask_NL, 0.0), entropy_NL.masked_fill(~mask_NL, 0.0)


def prompt_positions(model: nn.Module, prompts: Prompts) -> tuple[Tensor, Tensor]:
    """Rotary positions int64 [3, B, P], and that of the first token behind each prompt, [B]."""
    core, inputs = unwrapped(model).model, prompts.inputs
    mask_BP = inputs["attention_mask"]
    if "image_grid_thw" not in inputs:
        positions_BP = (mask_BP.long().cumsum(-1) - 1).clamp(min=0)
        return positions_BP.expand(3, -1, -1), positions_BP[:, -1] + 1
    positions_3BP, deltas_B1 = core.get_rope_index(
        inputs["input_ids"], inputs["mm_token_type_ids"], inputs["image_grid_thw"], attention_mask=mask_BP
    )
    return positions_3BP, mask_BP.sum(1) + deltas_B1[:, 0]


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside DistributedDataParallel or DeepSpeed."""
    return getattr(model, "module", model)


def _log_softmax(model: nn.Module, logits_V: Tensor, temperature: float) -> Tensor:
    """float32 log-probabilities [..., V] of the words that may be drawn."""
    config = unwrapped(model).config
    pictured = [config.image_token_id, config.video_token_id]
    logits_V = logits_V.float().div(temperature or 1.0)
    lowest = torch.finfo(logits_V.dtype).min  # not -inf, of which the entropy would make NaN
    return logits_V.index_fill(-1, torch.tensor(pictured, device=logits_V.device), lowest).log_softmax(-1)


def _read(model: nn.Module, prompts: Prompts, ids_BX: Tensor, **given) -> ModelOutput:
    """The model on token ids that begin with the prompts', with their pixels or what was made of them before."""
    if prompts.seen is None:
        pictures = {name: prompts.inputs[name] for name in PICTURES if name in prompts.inputs}
        return model(input_ids=ids_BX, **pictures, **given)
    with _pictures_put_in(unwrapped(model), prompts.seen):
        return model(input_ids=ids_BX, **given)


@contextmanager
def _pictures_put_in(model: nn.Module, seen: Sequence[Tensor]) -> Iterator[None]:
    """Visual tokens take the places of their marks as the model embeds them.

    Inside of its forward pass, because weights that are cut over processes are whole only there.
    """

    def put(_: nn.Module, ids: tuple[Tensor], embedded_BXD: Tensor) -> Tensor:
        holes_BX1 = (ids[0] == model.config.image_token_id)[..., None]
        return embedded_BXD.masked_scatter(holes_BX1, torch.cat(list(seen)).to(embedded_BXD))

    hook = model.get_input_embeddings().register_forward_hook(put)
    try:
        yield
    finally:
        hook.remove()


def _read_prompts(model: nn.Module, prompts: Prompts, group: int) -> tuple[Tensor, object, Tensor]:
    """Logits [N, V] behind the prompts, the cache of keys and values, and the next position of each row [N]."""
    positions_3BP, places_B = prompt_positions(model, prompts)
    given = {"attention_mask": prompts.inputs["attention_mask"], "position_ids": positions_3BP}
    out = _read(model, prompts, prompts.inputs["input_ids"], **given, use_cache=True, logits_to_keep=1)
    cache = out.past_key_values
    if group > 1:
        cache.batch_repeat_interleave(group)
    return out.logits[:, -1].repeat_interleave(group, 0), cache, places_B.repeat_interleave(group)


def _draw(logp_NV: Tensor, group: int, temperature: float, generators: Sequence[torch.Generator]) -> Tensor:
    """A token for each row, [N]: argmax of log p plus Gumbel noise is a draw from p."""
    if temperature == 0:
        return logp_NV.argmax(-1)
    parts = logp_NV.split(group)
    noises = [torch.empty_like(p).exponential_(generator=g) for p, g in zip(parts, generators, strict=True)]
    return (logp_NV - torch.cat(noises).log()).argmax(-1)
