"""Which sampler a run gets when none is named."""

import pytest

from msjoe import loading


@pytest.fixture
def checkpoints(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "CHECKPOINTS", tmp_path)
    (tmp_path / loading.EMBEDDED_CLIP).mkdir()
    return tmp_path


def test_without_a_trained_sampler_the_rule_chooses(checkpoints):
    assert loading.default_sampler(None) == "standin"


def test_the_embedded_sampler_goes_with_the_embedded_clip(checkpoints):
    trained = checkpoints / loading.EMBEDDED_SAMPLER
    trained.mkdir()
    assert loading.default_sampler(None) == str(trained)
    assert loading.default_sampler(str(checkpoints / loading.EMBEDDED_CLIP)) == str(trained)


def test_it_is_not_put_before_another_clip_unasked(checkpoints, caplog):
    caplog.set_level("INFO")
    (checkpoints / loading.EMBEDDED_SAMPLER).mkdir()
    assert loading.default_sampler("ViT-L-14:openai") == "standin"
    assert "transferred, untested" in caplog.text
