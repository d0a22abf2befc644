"""The miniature CLIP's training: its loss by hand, its data, and that a resumed run is the same run."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from msjoe.clip import Clip
from msjoe.errors import CheckpointError
from msjoe.miniature.clip import train, validate
from msjoe.miniature.clip.loss import multi_positive_loss
from msjoe.miniature.clip.model import new_clip
from msjoe.miniature.clip.train import ClipTraining, run_training, train_clip
from msjoe.miniature.clip.training_pairs import ANY, attributes, make_batch, truth, write_text
from msjoe.miniature.clip.validate import asked_by, one_attribute_wrong
from msjoe.reel.moments import Look, Moment, caption, held_out, random_moment
from msjoe.reel.script.write_script import make_script
from msjoe.reel.vocabulary import CHARACTERS, PLACES

TINY = ClipTraining(steps=4, seed=3, batch=8, warmup=2)


def test_loss_by_hand():
    picture_ND = torch.tensor([[2.0, 0.0], [0.0, 3.0]])  # length does not matter
    text_MD = torch.tensor([[1.0, 0.0], [0.0, 5.0], [1.0, 0.0]])
    true_MN = torch.tensor([[True, False], [True, True], [False, False]])
    loss, metrics = multi_positive_loss(picture_ND, text_MD, true_MN, torch.tensor(2.0))
    e2 = math.exp(2)
    # logits: text 0 (2, 0), text 1 (0, 2), text 2 (2, 0). Text 2 is true of nothing: no row.
    text_0 = -math.log(e2 / (e2 + 1))
    text_1 = -(math.log(1 / (e2 + 1)) + math.log(e2 / (e2 + 1))) / 2
    # pictures over the three texts: picture 0 (2, 0, 2) with texts 0 and 1; picture 1 (0, 2, 0) with text 1
    picture_0 = -(math.log(e2 / (2 * e2 + 1)) + math.log(1 / (2 * e2 + 1))) / 2
    picture_1 = -math.log(e2 / (e2 + 2))
    assert loss.item() == pytest.approx(((text_0 + text_1) / 2 + (picture_0 + picture_1) / 2) / 2, abs=1e-6)
    assert metrics["accuracy"] == 1.0
    assert metrics["scale"] == 2.0


def test_with_single_positives_it_is_open_clips_loss():
    from open_clip import ClipLoss

    generator = torch.Generator().manual_seed(0)
    picture, text = (torch.nn.functional.normalize(torch.randn(6, 4, generator=generator), dim=1) for _ in range(2))
    loss, _ = multi_positive_loss(picture, text, torch.eye(6, dtype=torch.bool), torch.tensor(7.0))
    assert loss.item() == pytest.approx(ClipLoss()(picture, text, torch.tensor(7.0)).item(), abs=1e-6)


MOMENT = Moment(place=0, who=1, look=Look(colour=0, shape=2), item=0, mark=0)


def test_truth_by_hand():
    same_pattern = MOMENT.but(place=1)  # yellow waves beside blue waves
    shown = np.array([attributes(MOMENT), attributes(same_pattern), attributes(MOMENT.but(item=1))])
    blue_waves, waves = (ANY, ANY, ANY, 0, ANY), (ANY, ANY, ANY, ANY, attributes(MOMENT)[4])
    red_with_key = (0, ANY, 0, ANY, ANY)
    expected = [[True, False, True], [True, True, True], [True, True, False]]
    assert truth(np.array([blue_waves, waves, red_with_key]), shown).tolist() == expected


def test_texts_are_true_of_their_pictures_and_of_the_right_others():
    batch = make_batch(seed=0, step=5, n_pictures=32, size=56)
    assert batch.pictures.shape == (32, 56, 56, 3)
    assert len(batch.texts) == 48
    assert batch.true_MN.shape == (48, 32)
    assert batch.true_MN.diagonal().all()
    assert batch.true_MN[:32].sum() > 40  # partial texts are true of more than their own picture


def test_a_batch_depends_on_seed_and_step_alone():
    one, two, other = make_batch(1, 2, 8, 56), make_batch(1, 2, 8, 56), make_batch(1, 3, 8, 56)
    np.testing.assert_array_equal(one.pictures, two.pictures)
    assert one.texts == two.texts
    assert one.texts != other.texts


def test_texts_hold_no_name_and_batches_no_composition_of_the_test(monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "msjoe.miniature.clip.training_pairs.draw",
        lambda moment, pose, size: drawn.append(moment) or np.zeros((size, size, 3)),
    )
    texts = [text for step in range(20) for text in make_batch(0, step, 64, 8).texts]
    names = {*CHARACTERS, *(place.name for place in PLACES)}
    assert not any(names & set(text.split()) for text in texts)
    assert len(drawn) == 20 * 64
    assert not any(held_out(m.who, m.place, m.item) for m in drawn)


def test_what_a_text_asks_for_is_true_of_its_moment():
    rng = np.random.default_rng(0)
    for _ in range(300):
        moment = random_moment(rng)
        text, asked = write_text(moment, rng)
        assert all(a in (ANY, b) for a, b in zip(asked, attributes(moment), strict=True)), text
        assert any(a != ANY for a in asked), text
        read = asked_by(text)
        assert all(a in (ANY, b) for a, b in zip(read[:4], asked, strict=False)), text


def test_decoys_are_the_32_captions_one_attribute_away():
    groups = one_attribute_wrong(MOMENT)
    assert {name: len(group) for name, group in groups.items()} == {"colour": 7, "shape": 5, "item": 9, "place": 11}
    captions = {caption(decoy) for group in groups.values() for decoy in group}
    assert len(captions - {caption(MOMENT)}) == 32


def test_ideal_queries_are_read_as_what_they_ask():
    assert asked_by("red triangle with a key, blue waves") == (0, 2, 0, 0, ANY)
    assert asked_by("blue waves") == (ANY, ANY, ANY, 0, ANY)
    assert asked_by("a key") == (ANY, ANY, 0, ANY, ANY)
    script = make_script("validation", "order", 0)
    shown = validate.shown_each_second(script, int(script.duration))
    for question in script.questions:
        for query in question.ideal_queries:
            assert truth(np.array([asked_by(query)]), shown).any(), query


def test_learning_rate_by_hand():
    config = ClipTraining(steps=110, warmup=10, lr=1.0)
    assert [config.rate(step) for step in (0, 9, 10, 60)] == pytest.approx([0.1, 1.0, 1.0, 0.5])
    assert config.rate(109) < 1e-3


def test_two_steps_change_every_parameter(tmp_path):
    before = {name: p.detach().clone() for name, p in new_clip(TINY.seed).named_parameters()}
    model, _ = run_training(TINY, tmp_path, stop_after=2)
    assert [name for name, p in model.named_parameters() if torch.equal(p, before[name])] == []


def test_the_scale_stays_within_its_bounds(tmp_path):
    model, _ = run_training(replace(TINY, max_scale=10.0), tmp_path, stop_after=1)
    assert model.logit_scale.item() == pytest.approx(math.log(10))  # it starts at log(1 / 0.07)


def test_a_resumed_run_is_the_same_run(tmp_path):
    straight, _ = run_training(TINY, tmp_path / "straight")
    run_training(TINY, tmp_path / "resumed", stop_after=2)
    resumed, _ = run_training(TINY, tmp_path / "resumed")
    for (name, one), two in zip(straight.state_dict().items(), resumed.state_dict().values(), strict=True):
        assert torch.equal(one, two), name
    lines = [json.loads(line) for line in (tmp_path / "resumed" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4]
    assert set(lines[0]) == {"step", "seconds", "lr", "loss", "accuracy", "scale", "samples_per_s"}


def test_a_run_of_other_settings_is_not_continued(tmp_path):
    run_training(TINY, tmp_path, stop_after=1)
    with pytest.raises(CheckpointError, match="other settings"):
        run_training(ClipTraining(steps=5, seed=3, batch=8, warmup=2), tmp_path)


def test_the_whole_command_writes_a_checkpoint_with_its_card(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "validate_clip", lambda folder: validate.validate_clip(folder, 1, 20))
    monkeypatch.setattr(validate, "TRACKS", ("order",))
    out = tmp_path / "reel-clip"
    record = train_clip(out, replace(TINY, steps=2, seed=1))
    saved = json.loads((out / "reel.json").read_text())
    assert saved == {"reel_version": saved["reel_version"], **record}
    assert saved["command"] == "msjoe reel train-clip --steps 2 --lr 0.001 --seed 1"
    assert 0 <= saved["validation"]["hard_decoys"]["first"] <= 1
    assert saved["validation"]["ranking"]["order"]["queries"] > 0
    card = (out / "README.md").read_text()
    assert "Seed 1, 2 steps, 16 pictures" in card
    assert "| order |" in card
    assert Clip.load(str(out), device="cpu").encode_texts(["red triangle"]).shape == (1, 128)
