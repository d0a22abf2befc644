"""Gate 2's U-Net: it finds a planted prior, and nothing where there is nothing."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from msjoe.reel_audit.gates.scene_facts import EvidenceLayout
from msjoe.reel_audit.gates.unet_prior import (
    BUDGET,
    STAGE,
    MatrixQuestion,
    Shuffled,
    bare_policies,
    compare,
    constant,
    found_gate,
    late,
    plain,
    planted_worth,
    shown_share,
    stretched,
    train,
)
from msjoe.sampler import EMBEDDED, UNetSampler
from msjoe.selectors.plain import linspace_trunc

SCENES, SECONDS = 30, 3.0  # of a video of a minute and a half
QUICK = replace(STAGE, steps=60, questions=4, warmup=1)


def cases(count: int, seed: int, first: int = 0, matrix: bool = False) -> list[MatrixQuestion]:
    """Questions with one evidence scene, drawn evenly from ``first`` on; with a ``matrix`` that shows it."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(count):
        start = float(rng.integers(first, SCENES)) * SECONDS
        case = constant(EvidenceLayout(f"needle-{i}", SCENES * SECONDS, ((start, start + SECONDS),)))
        inside_T = (case.times_T >= start) & (case.times_T < start + SECONDS)
        made.append(replace(case, sim_QT=inside_T[None].astype(np.float32)) if matrix else case)
    return made


def test_the_share_of_evidence_shown_by_hand():
    layout = EvidenceLayout("order-0", 60.0, ((10.0, 12.0), (30.5, 31.5)))
    draws_GK = torch.tensor([[0, 9], [10, 11], [12, 31], [11, 31]])
    assert shown_share(layout, draws_GK).tolist() == [0, 0.5, 0.5, 1]


def test_a_constant_matrix_is_as_long_as_the_video():
    case = constant(EvidenceLayout("needle-0", 61.75, ((1.0, 2.0),)))
    assert case.sim_QT.shape == (1, 61)
    assert not case.sim_QT.any()


def test_the_planted_prior_keeps_all_late_questions_and_a_quarter_of_the_others():
    many = cases(4000, seed=0)
    kept = late(many, seed=1)
    is_late = [c.layout.evidence[0][0] + SECONDS / 2 > 0.6 * c.layout.duration for c in kept]
    assert sum(is_late) == sum(c.layout.evidence[0][0] + SECONDS / 2 > 0.6 * c.layout.duration for c in many)
    assert np.mean(is_late) == pytest.approx(0.4 / (0.4 + 0.6 / 4), abs=0.03)


def test_the_planted_density_shows_more_of_what_is_planted_and_no_more_of_what_is_not():
    many = cases(4000, seed=0)
    there, nothing = (found_gate("worth", planted_worth(some)) for some in (late(many, seed=1), many))
    assert there.low > 5, there
    assert nothing.high < 2, nothing


def test_shuffling_keeps_what_a_matrix_holds_and_changes_each_time():
    sim_QT = np.arange(20, dtype=np.float32).reshape(2, 10)
    case, tell = MatrixQuestion(EvidenceLayout("needle-0", 10.0, ((1.0, 2.0),)), sim_QT), Shuffled(0)
    first, second = tell(case).sim_QT, tell(case).sim_QT
    assert not np.array_equal(first, second)
    order_T = np.argsort(first[0])
    np.testing.assert_array_equal(first[:, order_T], sim_QT)  # rows are moved together
    np.testing.assert_array_equal(case.sim_QT, np.arange(20).reshape(2, 10))


def test_a_unet_finds_a_prior_of_position():
    """All evidence in the last third: uniform frames show 8 of 30 scenes, so a fair share is 27 %."""
    sampler = train(cases(200, seed=0, first=20), plain, replace(QUICK, questions=16))
    found = compare(sampler, cases(150, seed=1, first=20), plain)
    gate = found_gate("planted", found, at_most=2)
    assert np.mean(found["uniform"]) == pytest.approx(BUDGET / SCENES, abs=0.1)
    assert gate.low > 5, gate
    assert not gate.passed


def test_a_unet_finds_nothing_where_there_is_nothing():
    sampler = train(cases(200, seed=0), plain, QUICK)
    gate = found_gate("nothing", compare(sampler, cases(150, seed=1), plain), at_most=2)
    assert gate.low < 2, gate


def test_a_unet_finds_nothing_in_shuffled_matrices_and_much_in_true_ones():
    learn, check = cases(200, 0, matrix=True), cases(150, 1, matrix=True)
    true = found_gate("true", compare(train(learn, plain, QUICK), check, plain))
    assert true.low > 20, true
    shuffled = found_gate("shuffled", compare(train(learn, Shuffled(1), QUICK), check, Shuffled(2)))
    assert shuffled.low < 2, shuffled


def test_flat_logits_give_uniform_frames():
    for count in (8, 9, 61, 180, 1777):
        assert stretched(torch.full((count,), 3.0)).tolist() == linspace_trunc(count, BUDGET).tolist()
    sampler = UNetSampler(EMBEDDED)
    (policy,) = bare_policies(sampler, [plain(cases(1, 0, matrix=True)[0])])
    assert not policy.logits_T.any()  # whatever the residual would say


def test_frames_are_stretched_to_where_the_mass_is():
    """Weights 1, 1, 1, 1, 4, 4: sums of neighbours add up to 2, 4, 6, 11, 19, of which a third is 6.3, two 12.7."""
    logits_T = torch.tensor([1.0, 1, 1, 1, 4, 4]).log()
    assert stretched(logits_T, budget=4).tolist() == [0, 3, 4, 5]


def test_the_mean_over_tracks_gives_each_the_same_weight():
    found = {"video": ["needle-0", "order-0", "order-1"], "unet": [1.0, 0.0, 0.5], "uniform": [0.0, 0.0, 0.0]}
    assert found_gate("x", found).value == pytest.approx(50)
    assert found_gate("x", found, by_track=True).value == pytest.approx(100 * (1 + 0.25) / 2)
