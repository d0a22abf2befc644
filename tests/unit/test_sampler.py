import json
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import constants

from msjoe.draw import draw_frames, sequential_logp
from msjoe.errors import CheckpointError, QuestionError
from msjoe.sampler import EMBEDDED, FULL, INPUT_VERSION, SamplerConfig, UNetSampler, load_sampler
from msjoe.selectors.standin import StandinSelector, standin_logits
from msjoe.selectors.trained import SamplerSelector
from msjoe.unet import halve

ROOT = Path(__file__).parents[2]
TINY = SamplerConfig(width=4, levels=3, kernel=3)


def matrix(queries, frames, seed=0):
    return np.random.default_rng(seed).normal(0.2, 0.02, (queries, frames)).astype(np.float32)


def shaken(config=TINY, seed=0):
    """A sampler whose last layer is not zero any more, as after training."""
    torch.manual_seed(seed)
    model = UNetSampler(config)
    torch.nn.init.normal_(model.unet.head.weight)
    return model


def parameters(config):
    return sum(p.numel() for p in UNetSampler(config).parameters())


def test_sizes():
    assert 1.8e6 < parameters(FULL) < 2.2e6
    assert 0.25e6 < parameters(EMBEDDED) < 0.5e6


@pytest.mark.parametrize("queries", [1, 4])
@pytest.mark.parametrize("frames", [1, 2, 3, 31, 33, 200])
def test_untrained_sampler_equals_the_rule_at_any_length(queries, frames):
    sim = matrix(queries, frames)
    assert np.allclose(UNetSampler(EMBEDDED).policy(sim).logits_T.numpy(), standin_logits(sim))


def test_trained_sampler_departs_from_the_rule():
    sim = matrix(2, 50)
    logits = shaken().policy(sim).logits_T.numpy()
    assert np.isfinite(logits).all()
    assert not np.allclose(logits, standin_logits(sim), atol=0.1)


def test_inputs_by_hand():
    sim = np.array([[0.1, 0.1, 0.1], [0.3, 0.1, 0.2]], dtype=np.float32)
    x = UNetSampler(TINY).inputs(sim).channels_CT.numpy()
    assert x.shape == (18, 3)
    assert x[0] == pytest.approx([1.2247449, -1.2247449, 0.0], abs=1e-5)  # the row with a peak comes first
    assert np.abs(x[1:4]).max() == 0.0  # the constant row, and two empty slots
    assert x[4:8, 0].tolist() == [1.0, 1.0, 0.0, 0.0]
    assert x[8] == pytest.approx(np.exp([0.0, -1 / 15, -2 / 15]))  # seconds from the first slot's peak
    assert np.abs(x[9:12]).max() == 0.0  # a constant row has no peak
    assert x[12] == pytest.approx(np.exp([0.0, -1 / 60, -2 / 60]))
    assert x[16].tolist() == [-1.0, 0.0, 1.0]
    assert x[17] == pytest.approx(standin_logits(sim))


def test_distances_are_in_seconds():
    sim = matrix(1, 20)
    slow = UNetSampler(TINY).inputs(sim, np.arange(20) * 2.0).channels_CT.numpy()
    peak = int(sim[0].argmax())
    assert slow[8] == pytest.approx(np.exp(-2.0 * np.abs(np.arange(20) - peak) / 15), rel=1e-5)


def test_slots_as_written_keep_the_order():
    sim = np.array([[0.1, 0.1, 0.1], [0.3, 0.1, 0.2]], dtype=np.float32)
    x = UNetSampler(SamplerConfig(width=4, levels=3, kernel=3, slots="written")).inputs(sim).channels_CT.numpy()
    assert np.abs(x[0]).max() == 0.0
    assert x[1] == pytest.approx([1.2247449, -1.2247449, 0.0], abs=1e-5)


@pytest.mark.parametrize("spread", [SamplerConfig(spread=1.0), SamplerConfig(spread=1.0, learned_spread=True)])
@pytest.mark.parametrize("budget", [4, 8, 64])
def test_untrained_sampler_with_spread_equals_the_rule(spread, budget):
    sim = matrix(3, 200)
    chosen = UNetSampler(spread).policy(sim).greedy(budget)
    assert sorted(chosen.tolist()) == StandinSelector().select(sim, budget).indices.tolist()


def test_each_question_has_its_own_learned_spread_and_it_learns():
    config = SamplerConfig(width=4, levels=3, kernel=3, spread=1.0, learned_spread=True)
    model = shaken(config)
    torch.nn.init.normal_(model.unet.pooled_head.weight)
    one, two = model.policies([model.inputs(matrix(2, 40)), model.inputs(matrix(4, 57, seed=5))])
    assert 0 < one.gamma.item() < 2
    assert one.gamma.item() != two.gamma.item()
    one.logp(one.sample(8, 4, torch.Generator().manual_seed(0))).sum().backward()
    assert model.unet.pooled_head.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("name", ["reel-sampler", "reel-sampler-joint"])
def test_shipped_checkpoints_of_version_1_choose_the_frames_they_chose_before(name):
    """Frames found with the code of commit ce35a58 on these very matrices."""
    model = load_sampler(ROOT / "checkpoints" / name)
    assert (model.config.input_version, model.config.spread, model.config.slots) == (1, 0.0, "sorted")
    for case in json.loads((ROOT / "tests/fixtures/sampler_version_1.json").read_text())[name]:
        sim = matrix(case["queries"], case["frames"], seed=case["seed"])
        assert SamplerSelector(model).select(sim, case["budget"]).indices.tolist() == case["chosen"]


def test_order_of_the_queries_changes_nothing():
    sim = matrix(4, 90)
    model = shaken()
    assert torch.equal(model.policy(sim).logits_T, model.policy(sim[[2, 0, 3, 1]]).logits_T)


def test_batch_equals_one_by_one():
    model = shaken(EMBEDDED).eval()
    sims = [matrix(q, t, seed=t) for q, t in [(1, 1), (4, 7), (2, 64), (3, 129), (1, 130)]]
    with torch.no_grad():
        logits, mask, _ = model([model.inputs(s) for s in sims])
    assert mask.sum(1).tolist() == [1, 7, 64, 129, 130]
    for sim, row, m in zip(sims, logits, mask, strict=True):
        assert torch.allclose(row[m], model.policy(sim).logits_T, atol=1e-4)
        assert row[~m].abs().sum() == 0.0


def test_padding_cannot_leak_whatever_it_holds():
    model = shaken().unet
    x = torch.randn(1, TINY.channels, 21)
    mask = torch.arange(32) < 21
    clean, _ = model(torch.nn.functional.pad(x, (0, 11)), mask[None])
    dirty, _ = model(torch.nn.functional.pad(x, (0, 11), value=5.0), mask[None])
    assert torch.allclose(clean[:, :21], dirty[:, :21], atol=1e-5)


def test_halving_means_only_frames_that_exist():
    x = torch.tensor([[[1.0, 3.0, 5.0, 9.0, 9.0]]])
    m = torch.tensor([[[1.0, 1.0, 1.0, 0.0, 0.0]]])
    halved, mask = halve(x, m)
    assert halved.tolist() == [[[2.0, 5.0, 0.0]]]
    assert mask.tolist() == [[[1.0, 1.0, 0.0]]]


def test_one_step_changes_every_parameter_and_raises_the_drawn_frames():
    torch.manual_seed(0)
    model = shaken()
    batch = [model.inputs(matrix(2, 40)), model.inputs(matrix(4, 57))]
    logits, mask, _ = model(batch)
    drawn = draw_frames(logits.detach(), 8, mask, torch.Generator().manual_seed(0))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    logp = sequential_logp(logits, drawn, mask)
    (-logp.mean()).backward()
    torch.optim.SGD(model.parameters(), lr=1e-5).step()
    still = {name for name, p in model.named_parameters() if torch.equal(before[name], p)}
    assert still <= {"unet.head.bias"}  # it shifts all logits alike, which changes no probability
    assert sequential_logp(model(batch)[0], drawn, mask).sum() > logp.sum()


def test_refuses_queries_it_has_no_slots_for():
    model = UNetSampler(TINY)
    with pytest.raises(QuestionError, match="5 queries over 10 frames"):
        model.inputs(matrix(5, 10))
    with pytest.raises(QuestionError, match="0 queries"):
        model.inputs(np.zeros((0, 10)))


@pytest.mark.parametrize(
    "bad",
    [{"width": 0}, {"kernel": 4}, {"levels": 2.5}, {"slots": "random"}, {"spread": -1.0}, {"learned_spread": True}],
)
def test_config_is_checked(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        SamplerConfig(**bad)


# Saving and loading


@pytest.fixture
def saved(tmp_path):
    model = shaken(EMBEDDED)
    model.save_pretrained(tmp_path / "sampler")
    return model, tmp_path / "sampler"


def test_saved_sampler_loads_the_same_by_both_ways(saved):
    model, folder = saved
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]
    sim = matrix(3, 75)
    for again in (load_sampler(folder), UNetSampler.from_pretrained(str(folder))):
        assert again.config == EMBEDDED
        assert not again.training
        assert torch.equal(again.policy(sim).logits_T, model.policy(sim).logits_T)
    assert load_sampler(folder).source == "sampler"


def test_saving_again_replaces_and_keeps_the_card(saved):
    _, folder = saved
    (folder / "README.md").write_text("my card")
    newer = shaken(EMBEDDED, seed=1)
    newer.save_pretrained(folder)
    assert torch.equal(load_sampler(folder).policy(matrix(1, 20)).logits_T, newer.policy(matrix(1, 20)).logits_T)
    assert (folder / "README.md").read_text() == "my card"


def test_missing_folder_and_missing_weights(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoints" / "x").mkdir(parents=True)
    advice = 'train one with "msjoe train sampler" or pass --sampler standin'
    for name, message in [
        ("checkpoints/x", "no model.safetensors in checkpoints/x: "),
        ("checkpoints/y", "no folder checkpoints/y: "),
        ("./nowhere", "no folder ./nowhere: "),
    ]:
        with pytest.raises(CheckpointError) as error:
            load_sampler(name)
        assert str(error.value) == message + advice


def test_unreachable_or_impossible_hub_id(monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    for name in ("nobody/no-such-sampler", "what is this?"):
        with pytest.raises(CheckpointError, match="could not be had from the hub"):
            load_sampler(name)


def change_config(folder, **changes):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_foreign_and_damaged_checkpoints(saved):
    _, folder = saved
    change_config(folder, width=20)
    with pytest.raises(CheckpointError, match=r"does not fit its config\.json"):
        load_sampler(folder)
    change_config(folder, width=-1)
    with pytest.raises(CheckpointError, match="width is -1"):
        load_sampler(folder)
    change_config(folder, width=16, input_version=INPUT_VERSION + 1)
    with pytest.raises(CheckpointError, match="input version"):
        load_sampler(folder)
    change_config(folder, input_version=INPUT_VERSION, model_type="qwen2_5_vl")
    with pytest.raises(CheckpointError, match="another kind of model"):
        load_sampler(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="not readable JSON"):
        load_sampler(folder)


def test_truncated_weights(saved):
    _, folder = saved
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"model\.safetensors in .* cannot be read"):
        load_sampler(folder)
