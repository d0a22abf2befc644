"""Gate 1, last part: shown black frames, the base MLLM answers at chance.

Two measurements, both from one pass over each prompt:

- For every question, the option that the MLLM finds the likeliest reply. It always chooses one, so this is the strict
  measurement: each track must lie within 2 points of chance.
- The reply that it generates. With black frames the miniature mostly writes what is not an option ("flag pirate"), and
  a reply that names no option counts as wrong. Plain accuracy would then lie far *below* chance, which is not a leak.
  So accuracy is measured among the replies that name an option, over all tracks together because they are few, and the
  share of the other replies is reported.

All questions get the same frames at the same times: a second black video would add nothing.

Shapes: B questions, N options of theirs, X = N + B rows, P prompt tokens, L tokens of a reply, V words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from msjoe.mllm import Mllm, Shown
from msjoe.prompts import extract_letter
from msjoe.reel.drawing.render import SIZES
from msjoe.reel.script.records import TRACKS
from msjoe.reel_audit.gates.gate import Gate, over_chance, share_gate
from msjoe.reel_audit.gates.text_guessers import WordedQuestion
from msjoe.rl.tokens import Prompts, prompt_positions
from msjoe.steps import preview_times

FRAMES, SECONDS = 8, 720.0  # a video of the mean length
BATCH = 16  # questions


@dataclass(frozen=True)
class BlindAnswer:
    """For one question: its likeliest option, and the letter of the generated reply (None: no option)."""

    likeliest: int
    letter: str | None


def black_gates(questions: Sequence[WordedQuestion], answers: Sequence[BlindAnswer]) -> list[Gate]:
    gates = []
    for track in TRACKS:
        pairs = [(q, s) for q, s in zip(questions, answers, strict=True) if q.track == track]
        if pairs:
            hits, chances = [s.likeliest == q.right for q, s in pairs], [1 / len(q.options) for q, _ in pairs]
            gates.append(over_chance("1 text", f"black frames, likeliest option over chance, {track}", hits, chances))
    read = [(q, s) for q, s in zip(questions, answers, strict=True) if s.letter is not None]
    if len(read) > 1:
        hits, chances = [s.letter == q.answer for q, s in read], [1 / len(q.options) for q, _ in read]
        gates.append(over_chance("1 text", "black frames, replies that name an option, over chance", hits, chances))
    silent = [s.letter is None for s in answers]
    return [*gates, share_gate("1 text", "black frames, replies that name no option", silent)]


def answer_blind(mllm: Mllm, questions: Sequence[WordedQuestion]) -> list[BlindAnswer]:
    """The MLLM's answers to questions about black frames."""
    answers = []
    for first in range(0, len(questions), BATCH):
        answers += _answer(mllm, questions[first : first + BATCH])
    return answers


def _answer(mllm: Mllm, questions: Sequence[WordedQuestion]) -> list[BlindAnswer]:
    tokenizer, ends = mllm.processor.tokenizer, _ends(mllm)
    replies = [[*tokenizer(text, add_special_tokens=False).input_ids, ends[0]] for q in questions for text in q.options]
    owners = [n for n, q in enumerate(questions) for _ in q.options]
    sums_N, written_BL = score_and_generate(mllm, blind_prompts(mllm, questions), owners, replies)
    texts = tokenizer.batch_decode(written_BL, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    parts = sums_N.split([len(q.options) for q in questions])
    return [
        BlindAnswer(int(part.argmax()), extract_letter(text, q.options))
        for q, part, text in zip(questions, parts, texts, strict=True)
    ]


def blind_prompts(mllm: Mllm, questions: Sequence[WordedQuestion]) -> Prompts:
    """Turn 2's prompts with black frames."""
    side = max((size for size in SIZES if size**2 <= mllm.frame_pixels), default=SIZES[0])
    frames, times = [np.zeros((side, side, 3), np.uint8)] * FRAMES, preview_times(SECONDS, FRAMES)
    shown = [Shown(q.text, q.options, frames, times) for q in questions]

    def message(one: Shown) -> dict:
        return mllm.templates.answer_message(one.question, one.options, one.times)

    return Prompts(dict(mllm.inputs(shown, message, mllm.frame_pixels)), (FRAMES,) * len(questions))


@torch.inference_mode()
def score_and_generate(
    mllm: Mllm, prompts: Prompts, owners: Sequence[int], replies: Sequence[Sequence[int]]
) -> tuple[Tensor, Tensor]:
    """Log-probability [N] of each of ``replies`` (with an end token), and the greedy replies to the prompts [B, L].

    ``owners``: the index of the prompt that each reply belongs to. Prompts are computed once. Given and greedy replies
    continue from copies of their keys and values, all rows together, a token at a time.
    """
    device, pad = mllm.device, mllm.processor.tokenizer.pad_token_id
    given_NL, count = _padded(replies, pad).to(device), len(prompts.pictures_B)
    lengths_N, ends = torch.tensor([len(r) for r in replies], device=device), torch.tensor(_ends(mllm), device=device)
    rows_X = torch.tensor([*owners, *range(count)], device=device)  # X = N + B
    places_X, mask_XP = prompt_positions(mllm.model, prompts)[1][rows_X], prompts.inputs["attention_mask"][rows_X]
    out = mllm.model(**prompts.inputs, use_cache=True, logits_to_keep=1)
    cache, logits_XV = out.past_key_values, out.logits[rows_X, -1]
    cache.batch_select_indices(rows_X)
    sums_N, written = torch.zeros(len(replies), device=device), []
    live_B = torch.ones(count, dtype=torch.bool, device=device)
    for step in range(mllm.templates.answer_new_tokens):
        logp_XV = logits_XV.float().log_softmax(-1)
        given_N = given_NL[:, min(step, given_NL.shape[1] - 1)]
        sums_N += logp_XV[: len(replies)].gather(1, given_N[:, None])[:, 0].masked_fill(step >= lengths_N, 0.0)
        written.append(logp_XV[len(replies) :].argmax(-1).masked_fill(~live_B, pad))
        live_B = live_B & ~torch.isin(written[-1], ends)
        if not live_B.any() and step + 1 >= given_NL.shape[1]:
            break
        mask_XP = nn.functional.pad(mask_XP, (0, 1), value=1)
        step_inputs = {"attention_mask": mask_XP, "position_ids": (places_X + step).expand(3, -1)[..., None]}
        token_X1 = torch.cat([given_N, written[-1]])[:, None]
        logits_XV = mllm.model(token_X1, **step_inputs, past_key_values=cache, use_cache=True).logits[:, -1]
    return sums_N.cpu(), torch.stack(written, 1).cpu()


def _padded(rows: Sequence[Sequence[int]], pad: int) -> Tensor:
    return nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=pad)


def _ends(mllm: Mllm) -> tuple[int, ...]:
    ends = mllm.model.generation_config.eos_token_id
    return tuple(ends) if isinstance(ends, list) else (ends,)
