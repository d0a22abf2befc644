"""Sampled tokens and their log-probabilities: the model's own, however the prompts are batched."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from msjoe.mllm import Shown
from msjoe.rl.frame_tokens import FrameTokens
from msjoe.rl.turns import ANSWER, REASON, Speaker, generator


@pytest.fixture(scope="module")
def speaker(models) -> Speaker:
    return Speaker(models.mllm, max_queries=4)


def shown(
    count: int, seed: int = 0, question: str = "What did the courier hold?", size: tuple[int, int] = (56, 56)
) -> Shown:
    rng = np.random.default_rng(seed)
    frames = [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for _ in range(count)]
    return Shown(question, ("cup", "drum"), frames, [10.0 * i for i in range(count)])


UNLIKE = [shown(2, 0), shown(3, 1, "Which of the four things was never seen at the harbour?"), shown(1, 2)]


def gens(*numbers):
    return [generator(torch.device("cpu"), "test", n) for n in numbers]


def test_greedy_replies_are_those_of_transformers(speaker, models):
    ours = speaker.say(ANSWER, UNLIKE, 1, 0.0, gens(0, 1, 2))
    theirs = models.mllm.answer(UNLIKE)
    assert [one.text for (one,) in ours] == [reply.text for reply in theirs]
    assert [len(one.tokens_L) for (one,) in ours] == [reply.new_tokens for reply in theirs]
    ours = speaker.say(REASON, UNLIKE, 1, 0.0, gens(0, 1, 2))
    assert [one.text for (one,) in ours] == [reply.text for reply in models.mllm.reason(UNLIKE)]


@pytest.mark.parametrize("turn", [REASON, ANSWER])
def test_log_probabilities_of_drawing_and_of_training_agree(speaker, turn):
    said = speaker.say(turn, UNLIKE, 3, 0.8, gens(3, 4, 5))
    flat = [one for group in said for one in group]
    repeated = [one for one in UNLIKE for _ in range(3)]
    logp_NL, mask_NL, entropy_NL = speaker.logps(turn, repeated, flat, 0.8)
    for row, mask, one in zip(logp_NL, mask_NL, flat, strict=True):
        torch.testing.assert_close(row[mask], one.logp_L, atol=2e-5, rtol=1e-4)
        assert mask.sum() == len(one.tokens_L)
        assert (row[~mask] == 0).all()
    assert entropy_NL[mask_NL].min() > 0
    assert logp_NL.requires_grad


def test_a_prompt_without_pictures_is_read_alone_and_in_a_batch_alike(speaker):
    bare = [shown(0, question="Why?"), shown(0, question="Which of the four things was never seen at the harbour?")]
    alone = [speaker.say(REASON, [one], 2, 1.0, gens(i))[0] for i, one in enumerate(bare)]
    together = speaker.say(REASON, bare, 2, 1.0, gens(0, 1))
    for a, b in zip(alone, together, strict=True):
        for one, other in zip(a, b, strict=True):
            assert one.text == other.text
            torch.testing.assert_close(one.logp_L, other.logp_L, atol=2e-5, rtol=1e-4)


def test_replies_depend_on_their_own_generator_alone(speaker):
    together = speaker.say(ANSWER, UNLIKE, 2, 1.0, gens(7, 8, 9))
    alone = speaker.say(ANSWER, UNLIKE[1:2], 2, 1.0, gens(8))
    assert [s.text for s in alone[0]] == [s.text for s in together[1]]
    assert together[0][0].text != together[0][1].text  # an untrained model is unsure


def test_a_prompt_is_computed_once_for_its_group(speaker, monkeypatch):
    lengths = []
    model = speaker.mllm.model
    whole = model.model.forward

    def counted(*args, **kwargs):
        lengths.append(tuple(kwargs["input_ids"].shape))
        return whole(*args, **kwargs)

    monkeypatch.setattr(model.model, "forward", counted)
    speaker.say(ANSWER, UNLIKE[:1], 4, 1.0, gens(0))
    assert lengths[0][0] == 1
    assert lengths[0][1] > 20
    assert set(lengths[1:]) == {(4, 1)}


def test_rows_keep_the_pictures_of_their_prompt(speaker):
    prompts = speaker.prompts(ANSWER, UNLIKE)
    chosen = prompts.rows([2, 0, 2])
    assert chosen.pictures_B == (1, 2, 1)
    alone = speaker.prompts(ANSWER, [UNLIKE[2], UNLIKE[0], UNLIKE[2]])
    for name, tensor in alone.inputs.items():
        assert torch.equal(chosen.inputs[name], tensor), name


@pytest.mark.parametrize("size", [(56, 56), (80, 112), (112, 112), (130, 90)])
def test_a_frozen_tower_sees_a_picture_once(models, monkeypatch, size):
    """And its tokens give the same replies and log-probabilities as pixels do, whether the processor resizes or not."""
    tower, turn = models.mllm.model.model.visual, ANSWER
    asked = [shown(count, seed, size=size) for seed, count in enumerate((2, 3, 1))]
    pixels = Speaker(models.mllm, 4)
    said = pixels.say(turn, asked, 2, 1.0, gens(1, 2, 3))
    spread, flat = [one for one in asked for _ in range(2)], [one for group in said for one in group]
    before = pixels.logps(turn, spread, flat, 1.0)[0]
    looks = []
    look = FrameTokens._look
    monkeypatch.setattr(FrameTokens, "_look", lambda *a: looks.append(len(a[1])) or look(*a))
    tower.requires_grad_(False)
    try:
        frozen = Speaker(models.mllm, 4)
        again = frozen.say(
            turn, [replace(one, frames=[f.copy() for f in one.frames]) for one in asked], 2, 1.0, gens(1, 2, 3)
        )
        after = frozen.logps(turn, spread, flat, 1.0)[0]
    finally:
        tower.requires_grad_(True)
    assert [s.text for group in again for s in group] == [s.text for s in flat]
    assert looks == [6]
    torch.testing.assert_close(before, after, atol=2e-5, rtol=1e-4)
    assert after.requires_grad


def test_text_of_seen_pictures_is_encoded_as_the_processor_does(models):
    mllm = models.mllm
    for turn, pixels in ((REASON, mllm.preview_pixels), (ANSWER, mllm.frame_pixels)):
        speaker = Speaker(mllm, 4)
        message = speaker.message(turn)
        whole = mllm.inputs(UNLIKE, message, pixels)
        ours = mllm.inputs_of_seen(UNLIKE, message, whole["image_grid_thw"])
        assert set(ours) == set(whole) - {"pixel_values"}
        for name, tensor in ours.items():
            assert torch.equal(tensor, whole[name]), name
            assert tensor.dtype == whole[name].dtype


def test_the_tokens_least_recently_used_are_dropped(models):
    one = shown(5, 3).frames
    with torch.no_grad():
        first = FrameTokens(models.mllm)
        size = first.of(one[:1], 3136)[0][0].nbytes
        kept = FrameTokens(models.mllm, most_bytes=3 * size)
        kept.of(one[:3], 3136)
        kept.of(one[:1], 3136)
        tokens, grids = kept.of(one[3:], 3136)
    assert kept.bytes == 3 * size
    assert len(tokens) == len(grids) == 2
    looked = []
    kept._look = lambda frames, pixels: looked.extend(frames) or FrameTokens._look(kept, frames, pixels)
    kept.of([one[0], one[1]], 3136)
    assert len(looked) == 1
    assert np.array_equal(looked[0], one[1])


def test_a_shared_prompt_gives_the_same_log_probabilities_and_gradients(speaker):
    """Rows of a group in any number, as micro-batches without the rollouts that teach nothing have them."""
    said = speaker.say(REASON, UNLIKE, 3, 1.0, gens(1, 2, 3))
    which = [0, 0, 1, 2, 2, 2]
    spread = [UNLIKE[i] for i in which]
    flat = [said[i][k] for i, k in zip(which, [0, 2, 1, 0, 1, 2], strict=True)]
    weight = speaker.mllm.model.model.language_model.layers[0].self_attn.k_proj.weight
    found = []
    for share in (True, False):
        own = Speaker(speaker.mllm, 4)
        own.share_prompts = share
        logp_NL, mask_NL, entropy_NL = own.logps(REASON, spread, flat, 0.7)
        weights_NL = torch.linspace(-1, 1, logp_NL.numel()).view_as(logp_NL)
        found.append([logp_NL, mask_NL, entropy_NL, *torch.autograd.grad((logp_NL * weights_NL).sum(), weight)])
    for shared, alone in zip(*found, strict=True):
        torch.testing.assert_close(shared, alone, atol=2e-5, rtol=1e-3)
    assert found[0][3].abs().max() > 1e-3


def test_log_probabilities_under_gradient_reach_the_weights(speaker):
    said = speaker.say(ANSWER, UNLIKE[:1], 1, 1.0, gens(0))[0]
    logp_NL, _, _ = speaker.logps(ANSWER, UNLIKE[:1], said, 1.0)
    weight = speaker.mllm.model.model.language_model.layers[0].mlp.up_proj.weight
    (grad,) = torch.autograd.grad(logp_NL.sum(), weight)
    assert grad.abs().max() > 0


def test_generators_differ_by_word_and_by_any_number():
    parts = [("a", 0, 1), ("a", 1, 0), ("a", 0, 0), ("a", 0), ("b", 0), ("a", "0")]
    draws = [torch.rand(1, generator=generator(torch.device("cpu"), *p)).item() for p in parts]
    assert len(set(draws)) == 6
