"""The miniature MLLM's training: the fast forward is the real one, and a stopped run loses nothing."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from msjoe.errors import CheckpointError
from msjoe.prompts import MINIATURE_TEMPLATES
from msjoe.reel import mllm_data, mllm_forward
from msjoe.reel.mllm_batches import TURN, answer_branch, attention_mask, collate, encode
from msjoe.reel.mllm_data import Recipe, choice_branch, copy_branch, costume_points, make_batch
from msjoe.reel.mllm_forward import forward, image_patches, image_tokens
from msjoe.reel.mllm_model import build_processor, build_tokenizer, continued_mllm, new_mllm, save_mllm
from msjoe.reel.mllm_pointing import (
    HEADS,
    LAYERS,
    OPTION_LAYER,
    attention_to_frames,
    attention_to_options,
    pointing_loss,
)
from msjoe.reel.mllm_questions import _looks, ask, find, hop, look_words
from msjoe.reel.mllm_shows import HIDDEN, Frame, Show, random_script, random_show
from msjoe.reel.mllm_training import MllmTraining, language_loss, reply_lengths, run_training
from msjoe.reel.muon import build_optimizers, orthogonal
from msjoe.reel.questions import Plan
from msjoe.reel.training_run import Paused, Running, Stage, run_stage
from msjoe.reel.world import CHARACTERS, ITEMS, Look, Moment

SMALL = (
    Recipe(0.5, "seen", 56, (1, 2), tokens=1),
    Recipe(0.3, "queries", 56, (2,), tokens=1),
    Recipe(0.2, "reel", 112, (2,), tokens=1),
)


@pytest.fixture(scope="module")
def model():
    return new_mllm(seed=0).eval()


@pytest.fixture(scope="module")
def processor():
    return build_processor()


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(mllm_data, "LESSONS", ((10**9, SMALL),))


def two_shows(size: int, count: int = 3):
    """Two shows with two branches each."""
    rng = np.random.default_rng(5)
    samples = []
    for _ in range(2):
        show = random_show(rng, count, size)
        asked = [ask(rng, show) for _ in range(2)]
        samples.append((show, [choice_branch("open", a) for a in asked]))
    return samples


def prompt(processor, show, branch) -> str:
    """What a run would send for this branch: the chat template's text, then the reply."""
    frames = MINIATURE_TEMPLATES.answer_message("", [], show.times)["content"][:-1]
    message = {"role": "user", "content": [*frames, {"type": "text", "text": branch.prompt}]}
    text = processor.apply_chat_template([message], tokenize=False, add_generation_prompt=True)
    return f"{text}{branch.reply}<|im_end|>"


# --- the same numbers as transformers


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
    samples = two_shows(size)
    batch = collate(samples)
    with torch.no_grad():
        packed = forward(model, batch).logits_RV.split(reply_lengths(batch))
    alone = [(show, branch) for show, branches in samples for branch in branches]
    for (show, branch), logits in zip(alone, packed, strict=True):
        inputs = processor(text=[prompt(processor, show, branch)], images=list(show.pictures()), return_tensors="pt")
        with torch.no_grad():
            real = model(**inputs).logits[0, -len(logits) - 1 : -1]
        torch.testing.assert_close(real, logits, atol=1e-4, rtol=0)


def test_packed_ids_and_positions_are_those_of_the_processor_and_the_model(model, processor):
    samples = two_shows(112)
    batch = collate(samples)
    for row, (show, branches) in enumerate(samples):
        for number, branch in enumerate(branches, 1):
            inputs = processor(
                text=[prompt(processor, show, branch)], images=list(show.pictures()), return_tensors="pt"
            )
            real, _ = model.model.get_rope_index(
                inputs.input_ids, mm_token_type_ids=inputs.mm_token_type_ids, image_grid_thw=inputs.image_grid_thw
            )
            mine = (batch.segments_BL[row] == 0) | (batch.segments_BL[row] == number)
            assert batch.ids_BL[row][mine].tolist() == inputs.input_ids[0].tolist()
            assert torch.equal(batch.positions_3BL[:, row][:, mine], real[:, 0])


def test_only_replies_are_learned():
    (show, branches), _ = two_shows(56)
    batch = collate([(show, branches)])
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


# --- where to look


def scene(who: int, place: int, item: int, look: Look = Look(0, 0)) -> Frame:
    return Frame(10.0, Moment(place, who, look, item, 0), None)


def a_show(*frames: Frame) -> Show:
    cast = {frame.moment.who: frame.moment.look for frame in frames}
    return Show(frames, 112, replace(random_script(np.random.default_rng(0)), cast=cast))


def test_attention_to_frames_and_options_is_that_of_the_models_heads():
    """With the eager attention of transformers, which returns its weights."""
    model = new_mllm(0).eval()
    (show, branches), other = two_shows(112)
    batch = collate([(show, branches[:1]), other])
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
        patch.setattr(mllm_forward, "attention_mask", lambda s: torch.where(hidden, 0.0, -1e9))
        for told in (attention_to_frames, attention_to_options):
            patch.setattr(mllm_forward, told.__name__, lambda *a, told=told: told(*a[:3], hidden[:, 0], a[4]))
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


def test_the_option_to_look_at_holds_the_word_that_comes_next():
    words = build_tokenizer()
    for options in (("cup", "key"), ("the harbour", "the blue waves"), ("1", "2", "3")):
        reply = options[-1]
        branch = answer_branch("choice", "Who?", options, reply)
        prompt = encode(branch.prompt)
        said = [(words.decode(encode(reply)[i]), words.decode(prompt[place])) for i, place in branch.copied]
        assert len(said) == len(encode(reply))
        assert all(one.strip() == other.strip() for one, other in said)
        end = branch.prompt.index(f". {reply}") + len(f". {reply}")
        assert branch.copied[-1][1] == len(encode(branch.prompt[:end])) - 1
    assert answer_branch("open", "Who?", (), "key").copied == ()


def test_what_was_never_held_is_looked_up_option_by_option():
    """The reply has no frame to look at; each option has those that rule it out."""
    show = a_show(*(scene(0, 0, item) for item in (1, 4, 6)), scene(1, 2, 8), scene(2, 3, 9))
    show = replace(show, script=replace(show.script, cast={who: Look(who, 0) for who in range(len(CHARACTERS))}))
    rng, words, found = np.random.default_rng(0), build_tokenizer(), 0
    for _ in range(400):
        asked = ask(rng, show)
        if "never" not in asked.text:
            assert asked.option_looks == ()
            continue
        found += 1
        branch = choice_branch("choice", asked)
        prompt = encode(branch.prompt + TURN)
        told = {words.decode(prompt[len(prompt) - 1 + place]).strip(): frames for place, frames, _ in branch.points}
        assert told == {ITEMS[1]: (0,), ITEMS[4]: (1,), ITEMS[6]: (2,)}
        assert asked.options[asked.right] in (ITEMS[8], ITEMS[9])
    assert found > 10


def test_a_hop_goes_from_a_moment_shown_once_to_the_nearest_of_another():
    show = a_show(scene(0, 0, 0), scene(1, 1, 1), scene(2, 2, 2), scene(1, 3, 3), scene(2, 4, 4))
    rng, found = np.random.default_rng(0), set()
    for _ in range(300):
        one = hop(rng, show)
        if one is None:
            continue
        text, reply, ((anchor,), (target,)) = one
        attribute = text.removeprefix("Which ").split(",")[0]
        assert look_words(show.frames[target].moment, attribute) == reply
        beside = ", next after " in text or ", last before " in text
        between = show.frames[min(anchor, target) + 1 : max(anchor, target)]
        assert ", after " in text or ", before " in text or beside
        assert (target > anchor) == ("after " in text)
        assert not beside or abs(target - anchor) == 1
        assert show.frames[target].moment.who not in {frame.moment.who for frame in between}
        found.add((anchor, target))
    assert {(0, 1), (0, 2), (4, 3), (1, 2), (1, 0)} <= found


def test_training_goes_on_from_an_earlier_miniature_with_other_words(tmp_path):
    before = new_mllm(3)
    save_mllm(before, tmp_path)
    vocabulary = build_tokenizer().get_vocab()
    moved = {"king": vocabulary["chef"], "chef": vocabulary["king"]}  # an earlier vocabulary in another order
    file = tmp_path / "tokenizer.json"
    tokenizer = json.loads(file.read_text())
    tokenizer["model"]["vocab"] |= moved
    file.write_text(json.dumps(tokenizer))
    after = continued_mllm(tmp_path, seed=4)
    words, earlier = after.lm_head.weight, before.lm_head.weight.half().float()
    torch.testing.assert_close(words[vocabulary["king"]], earlier[vocabulary["chef"]])
    torch.testing.assert_close(words[vocabulary["cup"]], earlier[vocabulary["cup"]])
    assert after.lm_head.weight is after.model.language_model.embed_tokens.weight
    with pytest.raises(CheckpointError, match="does not hold a miniature MLLM"):
        continued_mllm(tmp_path / "nothing", seed=0)


def test_nothing_is_asked_about_a_mark_that_no_picture_shows():
    rng = np.random.default_rng(3)
    show = random_show(rng, 6, 112)
    hidden = Show(tuple(replace(f, moment=f.moment.but(mark=HIDDEN)) for f in show.frames), 112, show.script)
    facing = Show(tuple(replace(f, moment=f.moment.but(mark=i)) for i, f in enumerate(show.frames)), 112, show.script)
    assert not [one.text for one in (ask(rng, hidden) for _ in range(150)) if "mark" in one.text]
    assert [one.text for one in (ask(rng, facing) for _ in range(150)) if "mark" in one.text]
    assert not [text for text, _, _ in (find(rng, hidden) for _ in range(60)) if "mark" in text]
    assert not [one[0] for one in (hop(rng, hidden) for _ in range(60)) if one and "mark" in one[0]]


def test_a_show_tells_the_mark_where_its_plate_faces_us():
    rng = np.random.default_rng(4)
    frames = [frame for _ in range(20) for frame in random_show(rng, 8, 112).frames]
    assert all((frame.moment.mark == HIDDEN) == frame.pose.turned for frame in frames)
    assert 0.2 < np.mean([frame.pose.turned for frame in frames]) < 0.55


def test_pointing_loss_by_hand():
    logs = torch.tensor([[[0.5, 0.25, 0.25], [0.2, 0.3, 0.5]]]).log()
    wanted = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    loss, found = pointing_loss(logs, wanted)
    expected = (np.log(2) - 0.5 * (np.log(0.3) + np.log(0.5))) / 2
    assert loss.item() == pytest.approx(expected)
    assert found == pytest.approx((0.5 + 0.8) / 2)


def test_an_order_question_looks_at_the_anchor_and_then_at_the_next():
    moments = [f.moment for f in (scene(1, 0, 0), scene(0, 3, 1), scene(1, 2, 2), scene(1, 3, 4))]
    keys = [{"who": 0, "place": 3}, {"who": 1}]
    assert _looks(Plan("after", [], "item", 2, keys), moments) == (((1,), (2,)),)
    assert _looks(Plan("before", [], "item", 0, keys), moments) == (((1,), (0,)),)
    assert _looks(Plan("count", [], "number", 2, keys[1:]), moments) == (((0, 2, 3), (0, 2, 3)),)
    assert _looks(Plan("most", [], "place", 3), moments) == ()


def test_a_find_leaves_one_answer():
    show = a_show(scene(0, 0, 0), scene(0, 1, 2), scene(1, 0, 3))
    rng = np.random.default_rng(0)
    for _ in range(60):
        text, reply, frames = find(rng, show)
        attribute = text.removeprefix("Which ").split(",")[0]
        assert frames
        assert {look_words(show.frames[i].moment, attribute) for i in frames} == {reply}


def test_a_costume_in_a_query_points_at_the_previews_that_show_it():
    red_circle, blue_star = Look(0, 0), Look(5, 3)
    previews = a_show(scene(0, 0, 0, red_circle), scene(1, 1, 1, blue_star), scene(0, 2, 2, red_circle))
    reply = "<queries>\nblue star with a key, pink bricks\nred circle\n</queries>"
    points = costume_points(reply, previews)
    tokens = build_tokenizer().convert_ids_to_tokens(encode(reply))
    words = {offset: tokens[offset].strip("ĠĊ") for offset, *_ in points}
    told = {words[offset]: first for offset, first, second in points if first == second}
    assert told == {"blue": (1,), "star": (1,), "red": (0, 2), "circle": (0, 2)}


def test_points_stand_before_the_tokens_they_are_for():
    show = random_show(np.random.default_rng(3), 3, 56)
    one = answer_branch("open", "What?", [], "key, cup", [((0,), (1,)), ((2,), (2,))])
    batch = collate([(show, [copy_branch(np.random.default_rng(0)), one])])
    reply = encode("key, cup")
    assert batch.points.places_P.tolist() == sorted(batch.points.places_P.tolist())
    assert batch.targets_BL[0, batch.points.places_P].tolist() == [reply[0], reply[-1]]
    assert batch.points.wanted_2PK.tolist() == [[[1, 0, 0], [0, 0, 1]], [[0, 1, 0], [0, 0, 1]]]
    assert batch.ids_BL[0, batch.points.ends_BK[0]].tolist() == [*encode("<|vision_end|>")] * 3
    assert len(set(batch.points.ends_BK[0].tolist())) == 3


# --- steps


def test_a_batch_depends_on_seed_and_step_alone(small_batches):
    first, again, other = make_batch(0, 7), make_batch(0, 7), make_batch(0, 8)
    assert torch.equal(first.ids_BL, again.ids_BL)
    assert np.array_equal(first.pictures, again.pictures)
    assert first.branches == again.branches
    assert first.branches != other.branches


def test_one_step_moves_every_weight(small_batches):
    """All but the vision tower's, which is held."""
    learner = new_mllm(0)
    before = {name: p.detach().clone() for name, p in learner.named_parameters()}
    loss, metrics = language_loss(learner, collate(two_shows(112)))
    loss.backward()
    for optimizer in build_optimizers(learner, lr=1e-3):
        optimizer.step()
    still = [name for name, p in learner.named_parameters() if torch.equal(p, before[name])]
    assert still == [name for name in before if ".visual." in name]
    assert {"loss/open", "right/open", "right/frame words", "attention/look 1", "attention/look 2"} <= set(metrics)


def test_orthogonal_brings_singular_values_near_one():
    grad = torch.randn(24, 60, generator=torch.Generator().manual_seed(0))
    for matrix in (grad, grad.T):
        values = torch.linalg.svdvals(orthogonal(matrix))
        assert orthogonal(matrix).shape == matrix.shape
        assert values.min() > 0.5
        assert values.max() < 1.4


def test_the_learning_rate_rises_stays_and_falls():
    stage = Stage("x", steps=100, seed=0, lr=1.0, warmup=10, decay=0.2)
    assert [stage.rate(step) for step in (0, 4, 9, 50, 79)] == [0.1, 0.5, 1.0, 1.0, 1.0]
    assert stage.rate(90) == pytest.approx(0.5)
    assert stage.rate(99) == pytest.approx(0.05)


# --- runs


def toy_batch(step: int) -> torch.Tensor:
    return torch.randn(8, 4, generator=torch.Generator().manual_seed(step))


def toy_loss(net: nn.Module, x: torch.Tensor):
    return (net(x) - x.sum(1, keepdim=True)).pow(2).mean(), {"seen": float(x[0, 0])}


def toy_run(folder, stop_after=None, steps=12, running=Running()):
    torch.manual_seed(0)
    net = nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(4, 4)]), "out": nn.Linear(4, 1)})
    net.forward = lambda x: net["out"](net["layers"][0](x))
    stage = Stage("toy", steps=steps, seed=0, lr=0.01, warmup=2, decay=0.5)
    run_stage(stage, net, toy_batch, lambda x: toy_loss(net, x), folder, running, stop_after)
    return net.state_dict()


def test_a_stopped_stage_ends_in_the_same_weights_and_metrics(tmp_path):
    straight = toy_run(tmp_path / "straight")
    toy_run(tmp_path / "stopped", stop_after=5)
    resumed = toy_run(tmp_path / "stopped")
    assert all(torch.equal(straight[name], resumed[name]) for name in straight)
    lines = [json.loads(line) for line in (tmp_path / "stopped" / "toy.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [5, 12]


def test_batches_drawn_ahead_by_a_process_give_the_same_weights(tmp_path):
    alone, ahead = toy_run(tmp_path / "alone"), toy_run(tmp_path / "ahead", running=Running(workers=1))
    assert all(torch.equal(alone[name], ahead[name]) for name in alone)


def test_a_run_of_few_minutes_stops_and_the_same_call_goes_on(tmp_path):
    straight = toy_run(tmp_path / "straight")
    one_step = Running(minutes=1e-9)
    for call in range(1, 12):
        with pytest.raises(Paused, match=f": {call} of 12 steps are done"):
            toy_run(tmp_path / "pieces", running=one_step)
    pieces = toy_run(tmp_path / "pieces", running=one_step)
    assert all(torch.equal(straight[name], pieces[name]) for name in straight)


def test_a_run_of_other_settings_is_not_continued(tmp_path):
    toy_run(tmp_path, stop_after=3)
    with pytest.raises(CheckpointError, match="other settings"):
        toy_run(tmp_path, steps=13)


def test_a_stopped_training_ends_in_the_same_model(tmp_path, small_batches):
    config = MllmTraining(vision_steps=1, steps=4)
    straight, _ = run_training(config, tmp_path / "straight")
    run_training(config, tmp_path / "stopped", stop_after=2)
    resumed, seconds = run_training(config, tmp_path / "stopped")
    for name, tensor in straight.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name
    assert seconds > 0
    other, _ = run_training(replace(config, seed=1), tmp_path / "other", stop_after=1)
    assert not torch.equal(other.lm_head.weight, straight.lm_head.weight)
