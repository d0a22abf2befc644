"""The fast forward of training, which packs questions behind one set of frames: same numbers as transformers."""

import numpy as np
import pytest
import torch

import msjoe.miniature.mllm.forward as forward_module
from msjoe.miniature.mllm.attention_loss import HEADS, LAYERS, OPTION_LAYER, attention_to_frames, attention_to_options
from msjoe.miniature.mllm.forward import forward
from msjoe.miniature.mllm.language_loss import reply_lengths
from msjoe.miniature.mllm.model import build_processor, new_mllm
from msjoe.miniature.mllm.samples.branches import TURN
from msjoe.miniature.mllm.samples.packing import attention_mask, collate
from msjoe.prompts import MINIATURE_TEMPLATES
from msjoe.vision_tower import image_patches, image_tokens
from tests.mllm_samples import two_samples


@pytest.fixture(scope="module")
def model():
    return new_mllm(seed=0).eval()


@pytest.fixture(scope="module")
def processor():
    return build_processor()


def prompt(processor, frame_set, branch) -> str:
    """What a run would send for this branch: the chat template's text, then the reply."""
    frames = MINIATURE_TEMPLATES.answer_message("", [], frame_set.times)["content"][:-1]
    message = {"role": "user", "content": [*frames, {"type": "text", "text": branch.prompt}]}
    text = processor.apply_chat_template([message], tokenize=False, add_generation_prompt=True)
    return f"{text}{branch.reply}<|im_end|>"


@pytest.mark.parametrize("size", [56, 112])
def test_patches_and_visual_tokens_are_the_processors_and_the_towers(model, processor, size):
    pictures = np.random.default_rng(0).integers(0, 256, (3, size, size, 3), dtype=np.uint8)
    real = processor.image_processor(list(pictures), return_tensors="pt")
    patches = real.pixel_values.view(3, -1, 3, 2, 14 * 14)
    ours = image_patches(torch.from_numpy(pictures)).view(3, -1, 3, 14 * 14)
    torch.testing.assert_close(patches[:, :, :, 0], ours, atol=1e-5, rtol=0)
    torch.testing.assert_close(patches[:, :, :, 1], ours, atol=1e-5, rtol=0)
    with torch.no_grad():
        tower = model.model.visual(real.pixel_values, grid_thw=real.image_grid_thw).pooler_output
        torch.testing.assert_close(
            tower.view(3, -1, 192), image_tokens(model.model.visual, torch.from_numpy(pictures)), atol=1e-4, rtol=0
        )


@pytest.mark.parametrize("size", [56, 112])
def test_a_packed_branch_is_computed_as_if_it_stood_alone(model, processor, size):
    samples = two_samples(size)
    batch = collate(samples)
    with torch.no_grad():
        packed = forward(model, batch).logits_RV.split(reply_lengths(batch))
    alone = [(frame_set, branch) for frame_set, branches in samples for branch in branches]
    for (frame_set, branch), logits in zip(alone, packed, strict=True):
        inputs = processor(
            text=[prompt(processor, frame_set, branch)], images=list(frame_set.pictures()), return_tensors="pt"
        )
        with torch.no_grad():
            real = model(**inputs).logits[0, -len(logits) - 1 : -1]
        torch.testing.assert_close(real, logits, atol=1e-4, rtol=0)


def test_packed_ids_and_positions_are_those_of_the_processor_and_the_model(model, processor):
    samples = two_samples(112)
    batch = collate(samples)
    for row, (frame_set, branches) in enumerate(samples):
        for number, branch in enumerate(branches, 1):
            inputs = processor(
                text=[prompt(processor, frame_set, branch)], images=list(frame_set.pictures()), return_tensors="pt"
            )
            real, _ = model.model.get_rope_index(
                inputs.input_ids, mm_token_type_ids=inputs.mm_token_type_ids, image_grid_thw=inputs.image_grid_thw
            )
            mine = (batch.segments_BL[row] == 0) | (batch.segments_BL[row] == number)
            assert batch.ids_BL[row][mine].tolist() == inputs.input_ids[0].tolist()
            assert torch.equal(batch.positions_3BL[:, row][:, mine], real[:, 0])


def test_only_replies_are_learned():
    (frame_set, branches), _ = two_samples(56)
    batch = collate([(frame_set, branches)])
    encoded = build_processor().tokenizer
    wanted = [encoded(f"{branch.reply}<|im_end|>").input_ids for branch in branches]
    assert batch.targets_BL[batch.targets_BL != -100].tolist() == [i for ids in wanted for i in ids]
    assert reply_lengths(batch) == [len(ids) for ids in wanted]
    assert TURN.startswith("<|im_end|>")


def test_the_mask_lets_a_branch_see_the_prefix_and_itself():
    mask = attention_mask(torch.tensor([[0, 0, 1, 1, 2, -1]]))[0, 0].int().tolist()
    assert mask == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 0, 0],
        [1, 1, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 1],
    ]


def test_attention_to_frames_and_options_is_that_of_the_models_heads():
    """With the eager attention of transformers, which returns its weights."""
    model = new_mllm(0).eval()
    (frame_set, branches), other = two_samples(112)
    batch = collate([(frame_set, branches[:1]), other])
    assert len(batch.points.rows_P)
    seen = {}
    hooks = [
        layer.self_attn.register_forward_hook(lambda _, __, out, depth=depth: seen.update({depth: out[1]}))
        for depth, layer in enumerate(model.model.language_model.layers)
    ]
    model.set_attn_implementation("eager")
    hidden = attention_mask(batch.segments_BL)
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        # eager adds its mask, sdpa takes a boolean one
        patch.setattr(forward_module, "attention_mask", lambda s: torch.where(hidden, 0.0, -1e9))
        for told in (attention_to_frames, attention_to_options):
            patch.setattr(forward_module, told.__name__, lambda *a, told=told: told(*a[:3], hidden[:, 0], a[4]))
        out = forward(model, batch)
    for hook in hooks:
        hook.remove()
    for logs_HPK, depth in zip(out.logs_HPK, LAYERS, strict=True):
        real_PHL = seen[depth][batch.points.rows_P, :HEADS, batch.points.places_P]
        ends_PHK = batch.points.ends_BK[batch.points.rows_P].unsqueeze(1).expand(-1, HEADS, -1)
        torch.testing.assert_close(logs_HPK.exp(), real_PHL.gather(2, ends_PHK).transpose(0, 1), atol=1e-5, rtol=1e-4)
    rows, places, meant = batch.points.copies_3C
    real_CH = seen[OPTION_LAYER][rows, :HEADS, places, meant]
    assert len(real_CH)
    torch.testing.assert_close(out.logs_HC1.exp()[..., 0], real_CH.T, atol=1e-5, rtol=1e-4)
