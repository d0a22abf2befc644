"""TSPO's agent as a module and as a selector; its numbers are tested by the golden cases."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from msjoe.errors import CheckpointError, QuestionError, UserError
from msjoe.loading import load_selector
from msjoe.rl.tspo import tspo_loss
from msjoe.selectors import ScoreSet, build_selector, selector_names
from msjoe.selectors.tspo import bin_max, scaled_norms
from msjoe.selectors.tspo_agent import TspoAgent, TspoConfig, load_agent, position_code

TINY = TspoConfig(width=16, heads=4)


def agent(config=TINY, seed=0):
    torch.manual_seed(seed)
    return TspoAgent(config).eval()


def embedded(frames=100, queries=1, width=16, scale=5.0, seed=0):
    rng = np.random.default_rng(seed)
    feats = (scale * rng.normal(size=(frames, width))).astype(np.float32)
    text = rng.normal(size=(queries, width)).astype(np.float32)
    return ScoreSet(np.zeros((queries, frames), np.float32), np.arange(frames, dtype=np.float32), feats, text)


def test_size_is_the_published_one_less_the_unused_layer():
    assert sum(p.numel() for p in TspoAgent().parameters()) == 3_543_552 - 590_592


def attention_in_full(model, placed):
    """All T x T logits, masked to the window: the slow way of the published code."""
    config, frames = model.config, len(placed)
    query, key, value = (
        layer(placed).view(frames, config.heads, -1).transpose(0, 1) for layer in (model.query, model.key, model.value)
    )
    logits = query @ key.transpose(1, 2) / (config.width // config.heads) ** 0.5
    offset = torch.arange(frames)[None] - torch.arange(frames)[:, None]  # [t, key]
    inside = (offset >= -(config.window // 2)) & (offset < config.window - config.window // 2)
    return (logits.masked_fill(~inside, -1e6).softmax(-1) @ value).transpose(0, 1).reshape(frames, -1)


@torch.no_grad()
@pytest.mark.parametrize("frames", [1, 5, 12, 13, 60])
@pytest.mark.parametrize("window", [1, 7, 12])
def test_banded_attention_equals_masked_attention(frames, window):
    model = agent(replace(TINY, window=window))
    placed = torch.randn(frames, 16)
    assert torch.allclose(model._attend(placed), attention_in_full(model, placed), atol=1e-5)


def test_position_code_by_hand():
    code = position_code(4, 4)  # rates 1 and 10000^(-1/2) = 0.01; t / T = 0, .25, .5, .75
    assert code[2].tolist() == pytest.approx([np.sin(0.5), np.cos(0.5), np.sin(0.005), np.cos(0.005)], abs=1e-6)


@torch.no_grad()
def test_several_texts_are_averaged_and_an_hour_fits():
    model, scores = agent(), embedded(3600, queries=3)
    feats, text = torch.tensor(scores.feats_TD), torch.tensor(scores.text_QD)
    rows = model.score_rows(feats, text)
    assert rows.shape == (3, 3600)
    assert torch.allclose(model(feats, text), rows.mean(0))
    assert torch.allclose(rows[1], model(feats, text[1:2]), atol=1e-4)


def test_one_update_changes_every_weight_and_favours_the_rewarded_frames():
    model, scores = agent(), embedded(40)
    feats, text = torch.tensor(scores.feats_TD), torch.tensor(scores.text_QD)
    picks, rewards = torch.tensor([[1, 2, 3], [10, 20, 30]]), torch.tensor([1.0, 0.0])
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    logp = model(feats, text).log_softmax(-1).detach()
    tspo_loss(model(feats, text), picks, rewards)[0].backward()
    torch.optim.SGD(model.parameters(), lr=1e-4).step()
    same = [name for name, p in model.named_parameters() if torch.equal(p, before[name])]
    assert same in ([], ["key.bias"])  # softmax does not feel a constant added to all keys' logits
    after = model(feats, text).log_softmax(-1).detach()
    assert (after - logp)[picks[0]].sum() > 0 > (after - logp)[picks[1]].sum()


def test_equal_rewards_teach_nothing():
    logits = torch.randn(10, requires_grad=True)
    loss, metrics = tspo_loss(logits, torch.tensor([[0, 1], [2, 3]]), torch.tensor([1.0, 1.0]))
    loss.backward()
    assert logits.grad.abs().max() == 0
    assert metrics == {"reward": 1.0, "reward_spread": 0.0}


def test_bin_max_by_hand():
    # T = 7, K = 3: centres 0, 3, 6; parts 0-1, 2-4, 5-6
    assert bin_max(np.array([0.1, 0.3, 0.9, 0.2, 0.9, 0.0, 0.4]), 3).tolist() == [1, 2, 6]
    # T = 5, K = 3: centres 0, 2, 4; frames 1 and 3 lie between two and go to the lower one
    assert bin_max(np.array([0.0, 1.0, 0.5, 1.0, 0.2]), 3).tolist() == [1, 3, 4]
    assert bin_max(np.array([0.0, 1.0, 0.5]), 1).tolist() == [1]


# As selectors


@pytest.mark.parametrize("name", ["tspo", "tspo_repaired"])
@pytest.mark.parametrize("mode", ["topk", "bin-max", "aks"])
def test_every_mode_keeps_the_interface(name, mode):
    rule = build_selector(name, model=agent(), mode=mode)
    for frames, queries in [(1, 1), (7, 2), (100, 3)]:
        for budget in (1, 5, 8, 100):
            picked = rule.select(embedded(frames, queries), budget)
            assert picked.indices.dtype == np.int64
            assert len(np.unique(picked.indices)) == len(picked.indices) <= min(budget, frames)
            assert (np.diff(picked.indices) > 0).all()
            assert picked.indices.size == 0 or picked.indices.max() < frames
            if mode != "aks" or name == "tspo_repaired" or frames <= budget:
                assert len(picked.indices) == min(budget, frames)
            assert "untrained" in picked.note


def test_top_k_of_the_agent_s_own_scores():
    model, scores = agent(), embedded(90)
    with torch.no_grad():
        expected = model(torch.tensor(scores.feats_TD), torch.tensor(scores.text_QD)).numpy()
    picked = build_selector("tspo", model=model).select(scores, 8)
    assert picked.indices.tolist() == sorted(np.argsort(-expected)[:8].tolist())


def test_repaired_norms_make_the_scale_of_a_clip_irrelevant():
    model = agent()
    small, large = embedded(200, scale=0.01), embedded(200, scale=100.0)

    def row(name, scores):
        return build_selector(name, model=model).agent_scores(scores)[0]

    assert row("tspo_repaired", small) == pytest.approx(row("tspo_repaired", large), rel=1e-3, abs=1e-3)
    assert np.abs(row("tspo", small) - row("tspo", large)).max() > 1
    scaled = scaled_norms(large.feats_TD, 20.0)
    assert np.linalg.norm(scaled, axis=1).mean() == pytest.approx(20 * (16 / 768) ** 0.5, rel=1e-5)
    ratio = np.linalg.norm(scaled, axis=1) / np.linalg.norm(large.feats_TD, axis=1)
    assert ratio == pytest.approx(np.full(200, ratio[0]), rel=1e-5)  # one factor for all frames
    assert scaled_norms(np.zeros((3, 16)), 20.0).tolist() == np.zeros((3, 16)).tolist()


def test_what_it_cannot_work_with_is_told():
    rule = build_selector("tspo", model=agent())
    with pytest.raises(QuestionError, match="reads embeddings"):
        rule.select(np.zeros(50), 8)
    with pytest.raises(QuestionError, match="gives 24 numbers a frame, the agent reads 16"):
        rule.select(embedded(50, width=24), 8)
    with pytest.raises(QuestionError, match="mode is 'best'"):
        build_selector("tspo", model=agent(), mode="best")
    with pytest.raises(UserError, match="tspo needs model"):
        build_selector("tspo")
    with pytest.raises(QuestionError, match="norm is 0"):
        build_selector("tspo_repaired", model=agent(), norm=0)


@pytest.mark.parametrize("bad", [{"width": 15}, {"heads": 0}, {"window": 1.5}, {"temperature": 0}, {"width": 18}])
def test_config_is_checked(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        TspoConfig(**({"heads": 4} | bad))


# Loading


def test_a_saved_agent_is_loaded_by_its_rule_and_folder(tmp_path):
    model = agent()
    model.save_pretrained(tmp_path / "mine")
    assert sorted(p.name for p in (tmp_path / "mine").iterdir()) == ["README.md", "config.json", "model.safetensors"]
    scores = embedded(80)
    for name in ("tspo", "tspo_repaired"):
        rule = load_selector(f"{name}:{tmp_path / 'mine'}")
        assert rule.name == name
        picked = rule.select(scores, 8)
        assert picked.indices.tolist() == build_selector(name, model=model).select(scores, 8).indices.tolist()
        assert "agent mine" in picked.note
    assert load_agent(tmp_path / "mine").config == TINY


def test_every_rule_is_had_by_its_name_or_says_what_it_needs():
    for name in selector_names():
        if name in ("sampler", "tspo", "tspo_repaired"):
            with pytest.raises(UserError, match=f"{name} needs trained weights: .* as {name}:FOLDER"):
                load_selector(name)
        else:
            assert load_selector(name).name == name


def test_foreign_weights_are_told(tmp_path):
    agent().save_pretrained(tmp_path / "agent")
    with pytest.raises(CheckpointError, match="another kind of model"):
        load_selector(str(tmp_path / "agent"))  # taken for a sampler
    with pytest.raises(CheckpointError, match="no folder"):
        load_selector(f"tspo:{tmp_path / 'nowhere'}")
    (tmp_path / "agent" / "reel.json").write_text('{"reel_version": "99.9"}')
    with pytest.raises(CheckpointError, match=r"99\.9"):
        load_selector(f"tspo:{tmp_path / 'agent'}")
