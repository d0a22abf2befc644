"""Scores of any size either give frames of the list or are refused: no rule chooses by inf or nan."""

import json

import numpy as np
import pytest

from msjoe.cli import main
from msjoe.errors import QuestionError
from msjoe.selectors import ScoreSet, build_selector, needs_model, selector_names

RULES = [name for name in selector_names() if not needs_model(name)]
SHAPE = np.random.default_rng(3).permutation(50) / 49  # from 0 to 1
FRAMES = np.random.default_rng(4).normal(size=(50, 8))  # embeddings, for rules that read them
BUDGET = 8
# A softmax or a threshold of the scores has a scale; MDP3 reads cosines and refuses anything larger.
SCALED = ("qframe", "adaq", "wfs_sb", "focus", "qca", "mdp3", "qframe_repaired", "qca_repaired", "mdp3_repaired")


def chosen(rule: str, scores: np.ndarray) -> list[int]:
    made = ScoreSet(np.atleast_2d(scores), np.arange(50.0), FRAMES)
    return build_selector(rule).select(made, BUDGET, np.random.default_rng(0)).indices.tolist()


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("top", [1.7e308, 3.5e38, 1.1e30, np.inf, np.nan])
def test_what_would_overflow_is_refused(rule, top):
    for scores in (np.where(SHAPE == 1, top, SHAPE), np.where(SHAPE == 1, -top, SHAPE)):
        with pytest.raises(QuestionError):
            chosen(rule, scores)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("rule", [name for name in RULES if "mdp3" not in name])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("top", [1e30, -1e30, 1e-30])
def test_what_is_let_in_gives_frames_of_the_list(rule, rows, top):
    found = chosen(rule, np.stack([np.roll(SHAPE, row) for row in range(rows)]) * top)
    assert set(found) <= set(range(len(SHAPE)))
    assert found or rule == "aks"  # which as published loses all frames of a small budget


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("rule", [name for name in RULES if name not in SCALED])
@pytest.mark.parametrize("exponent", [-60, 60, 99])
def test_a_rule_without_a_scale_chooses_the_same_frames_at_every_scale(rule, exponent):
    """A power of two changes no digit."""
    assert chosen(rule, SHAPE * 2.0**exponent) == chosen(rule, SHAPE)


@pytest.mark.parametrize("rule", ["mdp3", "mdp3_repaired"])
def test_mdp3_refuses_what_is_no_cosine(rule):
    with pytest.raises(QuestionError, match=r"frame 7 are .*1\.5"):
        chosen(rule, np.where(np.arange(50) == 7, 1.5, SHAPE))
    assert len(chosen(rule, np.minimum(SHAPE + 1e-6, 1 + 1e-6))) == BUDGET  # rounded


@pytest.mark.parametrize(("rule", "score"), [("standin", 1.7e308), ("bolt", 3.5e38), ("standin", -1.7e308)])
def test_a_score_file_names_the_place(rule, score, tmp_path, capsys):
    path = tmp_path / "scores.json"
    path.write_text(json.dumps([[0.5] * 9, [*range(49), score]]))
    assert main(["select", rule, "--scores", str(path), "--budget", "1"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "list 1 " in err
    assert "place 49" in err
    assert f"{score:g}" in err
