"""Every published rule gives what its authors' code gave."""

import numpy as np
import pytest
import torch

from msjoe.errors import QuestionError
from msjoe.rl.tspo import group_advantages, tspo_loss
from msjoe.selectors import build_selector, pools
from msjoe.selectors.aks import aks_leaves, to_unit
from msjoe.selectors.plain import linspace_trunc
from msjoe.selectors.qframe import gumbel_ranking
from msjoe.selectors.tspo import tspo_frames
from msjoe.selectors.tspo_agent import TspoAgent, TspoConfig, cosine, from_reference, position_code
from tests.golden_cases import SOURCES, golden

pytestmark = pytest.mark.parametrize("source", SOURCES)


def chosen(case, name, **params):
    indices = build_selector(name, **params).select(case["scores"], case["K"]).indices
    assert indices.dtype == np.int64
    return indices.tolist()


def test_topk(source):
    for case in golden("topk", source):
        assert chosen(case, "topk") == case["expected"], case["name"]


def test_aks(source):
    for case in golden("aks", source):
        how = case["params"] | {"depth": case["params"]["all_depth"]}
        del how["all_depth"]
        assert chosen(case, "aks", **how) == case["expected"], case["name"]


def test_aks_cuts_where_the_authors_cut(source):
    cases = [case for case in golden("aks", source) if "segments" in case]
    assert len(cases) > 5
    for case in cases:
        how, budget = case["params"], case["K"]
        unit_T = to_unit(case["scores"][:: how["ratio"]][: case["T"] // how["ratio"]])
        leaves = aks_leaves(unit_T, budget, how["t1"], how["t2"], how["all_depth"])
        got = [[leaf.start, leaf.end, leaf.depth, budget // 2**leaf.depth] for leaf in leaves]
        assert got == sorted(case["segments"]), case["name"]


def test_bolt(source):
    for case in golden("bolt", source):
        assert chosen(case, "bolt", power=case["params"]["power"]) == case["expected"], case["name"]


def test_bolt_frame_mapping(source):
    for case in golden("bolt_frame_mapping", source):
        ids = pools.bolt_frame_ids(case["frame_seconds"], case["video_fps"], case["total_frames"])
        assert ids.tolist() == case["expected"], case["name"]


def noise(case):
    return case["uniform"] if "uniform" in case else case["uniform_const"]


def test_qframe(source):
    cases = [c for c in golden("qframe", source) if c["params"]["dtype"] == "float32"]  # fp16: for study only
    assert len(cases) > 20
    for case in cases:
        how = case["params"]
        tiers = (how["high"], how["mid"], how["low"])
        picked = build_selector("qframe", tau=how["tau"], tiers=tiers, uniform=noise(case)).select(
            case["scores"], case["K"]
        )
        assert picked.indices.tolist() == case["expected"], case["name"]
        output = [[int(i), 2 * 2 ** int(tier)] for i, tier in zip(picked.indices, picked.tiers, strict=True)]
        assert output == case["expected_output"], case["name"]
        ranking = gumbel_ranking(np.array(case["scores"]), how["tau"], np.array(noise(case), dtype=np.float32))
        assert ranking[: len(case["expected_rank"])].tolist() == case["expected_rank"], case["name"]


def test_qframe_of_fixed_frames(source):
    cases = [c for c in golden("qframe", source) if c["params"]["dtype"] == "float32" and c["params"]["high"] == c["K"]]
    assert len(cases) > 3
    for case in cases:
        how = {"mode": "frames", "tau": case["params"]["tau"], "uniform": noise(case)}
        assert chosen(case, "qframe", **how) == case["expected"], case["name"]


def raw_frames(rule, how):
    if rule == "list_or_uniform":
        return pools.list_or_uniform(how["selected"], how["N"], how["K"])
    renamed = {"N": "count", "K": "budget"}
    function = linspace_trunc if rule == "linspace_trunc" else getattr(pools, rule)
    return function(**{renamed.get(key, key): value for key, value in how.items()})


def test_uniform_rules_and_pools(source):
    cases = golden("uniform", source)
    assert len({case["rule"] for case in cases}) == 7
    for case in cases:
        if case["expected"] is None:
            with pytest.raises(QuestionError, match="nframes"):
                raw_frames(case["rule"], case["params"])
            continue
        ids = raw_frames(case["rule"], case["params"])
        assert ids.dtype == np.int64
        assert ids.tolist() == case["expected"], case["name"]


def test_tspo_inference(source):
    for case in golden("tspo_infer", source):
        picked = tspo_frames(np.array([case["scores"]]), case["K"], case["params"]["method"])
        assert picked.tolist() == case["expected"], case["name"]


def agent_of(case):
    how = case["params"]
    agent = TspoAgent(TspoConfig(how["dim"], how["heads"], how["window"], how["score_tau"]))
    weights = {name: torch.tensor(values, dtype=torch.float64) for name, values in case["weights"].items()}
    agent.double().load_state_dict(from_reference(weights))
    return agent


@torch.no_grad()
def test_tspo_agent(source):
    for case in golden("tspo_agent", source):
        agent = agent_of(case)
        feats, text, clip = (torch.tensor(case[key], dtype=torch.float64) for key in ("image", "text", "clip_scores"))
        scores, hidden = agent(feats, text, clip).numpy(), agent.hidden(feats)[0].numpy()
        assert scores == pytest.approx(np.array(case["expected_score"]), rel=1e-5), case["name"]
        assert hidden == pytest.approx(np.array(case["expected_hidden_row0"]), abs=1e-6), case["name"]
        assert position_code(*feats.shape)[-1].numpy() == pytest.approx(case["pos_enc_last_row"], abs=1e-6)
        assert cosine(feats, text)[0].numpy() == pytest.approx(case["clip_scores"], abs=1e-6)
        halved = agent.float()(feats.float(), text.float(), clip.float()).numpy()
        assert halved == pytest.approx(np.array(case["expected_score"]), rel=1e-3, abs=1e-3)  # as it runs


def test_tspo_training(source):
    for case in golden("tspo_train", source):
        logits = torch.tensor(case["logits"], dtype=torch.float64, requires_grad=True)
        rewards = torch.tensor(case["rewards"], dtype=torch.float64)
        loss, metrics = tspo_loss(logits, torch.tensor(case["selected"]), rewards)
        loss.backward()
        assert group_advantages(rewards).tolist() == pytest.approx(case["expected_advantages"], abs=1e-6)
        assert loss.item() == pytest.approx(case["expected_loss"], abs=1e-6)
        assert logits.grad.tolist() == pytest.approx(case["expected_grad"], abs=1e-6), case["name"]
        assert metrics["reward"] == pytest.approx(np.mean(case["rewards"]))
