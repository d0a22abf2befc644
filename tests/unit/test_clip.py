"""Clip: the names it loads by, equality with open_clip's own calls, overlap and the feature cache."""

import json
import os
import threading
from dataclasses import replace

import huggingface_hub.constants
import numpy as np
import open_clip
import open_clip.pretrained
import pytest
import torch
from PIL import Image

from msjoe import checkpoint_stamp
from msjoe.cache import FeatureCache, FeatureKey, default_folder
from msjoe.clip import Clip, similarity
from msjoe.errors import CheckpointError
from msjoe.miniature.clip import model as clip_model
from msjoe.miniature.clip.model import UNK, build_tokenizer, new_clip, save_clip, vocabulary
from msjoe.reel.vocabulary import CHARACTERS, COLOUR_WORDS, ITEMS, PLACES, SHAPES
from tests.clip_models import NARROW, fill_hub_cache, save_narrow

TEXTS = ["a red triangle with a key, blue waves", "the wizard?"]


@pytest.fixture(scope="module")
def narrow(tmp_path_factory):
    return save_narrow(tmp_path_factory.mktemp("clip") / "narrow")


@pytest.fixture(scope="module")
def reel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip") / "reel-clip"
    save_clip(new_clip(seed=0), folder)
    return folder


@pytest.fixture
def offline_hub(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    return tmp_path / "hub"


def pictures(count, height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), dtype=np.uint8)


def own_features(folder, frames, **kwargs):
    """The embeddings by open_clip's own functions, picture by picture."""
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}", **kwargs)
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    with torch.no_grad():
        images = torch.stack([preprocess(Image.fromarray(frame)) for frame in frames])
        return model.eval().encode_image(images).numpy(), model.encode_text(tokenizer(TEXTS)).numpy()


@pytest.mark.parametrize("folder", ["narrow", "reel"])
@pytest.mark.parametrize("shape", [(0, 0), (0, 25), (24, 0)])
def test_same_numbers_as_open_clip(folder, shape, request):
    path = request.getfixturevalue(folder)
    clip = Clip.load(str(path), device="cpu")
    clip.autocast = None  # open_clip's own call is float32
    frames = pictures(5, clip.size + shape[0], clip.size + shape[1])
    image_TD, text_QD = own_features(path, frames)
    parts = list(clip.encode_batches([frames[:2], frames[2:]]))
    assert [len(part) for part in parts] == [2, 3]
    np.testing.assert_allclose(np.concatenate(parts), image_TD, atol=1e-5)
    np.testing.assert_allclose(clip.encode_texts(TEXTS), text_QD, atol=1e-5)
    assert parts[0].dtype == np.float32


def test_squashed_pictures_are_squashed(tmp_path):
    folder = save_narrow(tmp_path / "squash", preprocess={"resize_mode": "squash", "interpolation": "bicubic"})
    clip = Clip.load(str(folder), device="cpu")
    ramp = np.broadcast_to(np.linspace(0, 255, 64).astype(np.uint8)[None, None, :, None], (1, 32, 64, 3))
    seen = clip._preprocess(torch.from_numpy(ramp.copy()))
    assert seen.shape == (1, 3, 32, 32)
    assert seen[0, 0, 0, 0] < -1.5  # both dark and bright end are kept; a middle square would lose them
    assert seen[0, 0, 0, -1] > 1.7


def test_hub_name(offline_hub, narrow):
    fill_hub_cache(offline_hub, "someone/narrow", narrow)
    by_hub, by_path = Clip.load("hf-hub:someone/narrow", device="cpu"), Clip.load(str(narrow), device="cpu")
    assert by_hub.id == "hf-hub:someone/narrow"
    np.testing.assert_array_equal(by_hub.encode_texts(TEXTS), by_path.encode_texts(TEXTS))


@pytest.fixture
def narrow_tag(monkeypatch, tmp_path, offline_hub, narrow):
    """open_clip knows a model "narrow" with a tag whose weights were trained with QuickGELU."""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "narrow.json").write_text(json.dumps(NARROW))
    factory = open_clip.factory
    monkeypatch.setattr(factory, "_MODEL_CONFIG_PATHS", list(factory._MODEL_CONFIG_PATHS))
    monkeypatch.setattr(factory, "_MODEL_CONFIGS", dict(factory._MODEL_CONFIGS))
    open_clip.add_model_config(tmp_path / "configs")
    tags = {"quick": {"hf_hub": "someone/narrow/", "quick_gelu": True}, "plain": {"hf_hub": "someone/narrow/"}}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "narrow", tags)
    fill_hub_cache(offline_hub, "someone/narrow", narrow)


def test_model_and_tag_with_the_activation_it_was_trained_with(narrow_tag, narrow):
    frames = pictures(2, 32, 32)
    atol = 1e-5 if Clip.load("narrow:quick", device="cpu").autocast is None else 2e-2
    quick = np.concatenate(list(Clip.load("narrow:quick", device="cpu").encode_batches([frames])))
    plain = np.concatenate(list(Clip.load("narrow:plain", device="cpu").encode_batches([frames])))
    preprocess = {"image_mean": open_clip.OPENAI_DATASET_MEAN, "image_std": open_clip.OPENAI_DATASET_STD}
    np.testing.assert_allclose(quick, own_features(narrow, frames, force_quick_gelu=True, **preprocess)[0], atol=atol)
    np.testing.assert_allclose(plain, own_features(narrow, frames, **preprocess)[0], atol=atol)
    assert np.abs(quick - plain).max() > 1e-3


def test_model_and_file(narrow_tag, narrow):
    clip = Clip.load(f"narrow:{narrow / 'open_clip_model.safetensors'}", device="cpu")
    np.testing.assert_array_equal(clip.encode_texts(TEXTS), Clip.load(str(narrow)).encode_texts(TEXTS))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ViT-L14:openai", "ViT-L-14:openai"),
        ("ViT-L-14:opnai", "openai"),
        ("ViT-L-14", "ViT-L-14:"),
        ("no/such/folder", "no folder"),
        ("ViT-B-32:openai", "local directory"),
        ("hf-hub:someone/else", "network"),
    ],
)
def test_names_that_mean_nothing_here(name, told, offline_hub):
    with pytest.raises(CheckpointError, match="(?s)" + told) as caught:
        Clip.load(name, device="cpu")
    assert name in str(caught.value) or name.split(":")[1] in str(caught.value)


def test_foreign_folders(tmp_path, narrow):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match=r"has no open_clip_config\.json"):
        Clip.load(str(tmp_path / "empty"))
    bare = save_narrow(tmp_path / "bare")
    (bare / "open_clip_model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="no weights"):
        Clip.load(str(bare))
    cut = save_narrow(tmp_path / "cut")
    weights = cut / "open_clip_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        Clip.load(str(cut))
    wrong = save_narrow(tmp_path / "wrong")
    (wrong / "open_clip_config.json").write_text('{"model_cfg": {"embed_dim": 16}}')
    with pytest.raises(CheckpointError, match="cannot be loaded"):
        Clip.load(str(wrong))


def test_id_follows_the_weights(tmp_path):
    one = Clip.load(str(save_narrow(tmp_path / "x", seed=1)), device="cpu").id
    two = Clip.load(str(save_narrow(tmp_path / "x", seed=2)), device="cpu").id
    assert one.startswith("x@")
    assert one != two


def test_another_reel_version_is_an_error(reel, monkeypatch):
    checkpoint_stamp.write_reel_json(reel, {"seed": 0})
    Clip.load(str(reel), device="cpu")
    monkeypatch.setattr(checkpoint_stamp, "REEL_VERSION", "99")
    with pytest.raises(CheckpointError, match="99"):
        Clip.load(str(reel), device="cpu")


def test_names_are_unknown_and_looks_are_known():
    tokenizer = build_tokenizer()
    looks = [*COLOUR_WORDS, *SHAPES, *ITEMS, *(word for place in PLACES for word in place.look.split())]
    assert UNK not in tokenizer.tokenize(" ".join(looks))
    for name in [*CHARACTERS, *(place.name for place in PLACES)]:
        assert tokenizer.tokenize(name) == [UNK], name
    ids = tokenizer("The wizard, at the harbour?").input_ids
    assert tokenizer.convert_ids_to_tokens(ids) == ["[BOS]", "the", UNK, ",", "at", "the", UNK, "?", "[EOS]"]
    assert max(ids) == len(vocabulary()) - 1 == ids[-1]  # open_clip pools text at the highest id


def test_long_text_is_cut_but_still_ends(reel):
    ids = Clip.load(str(reel), device="cpu").tokenizer(["red " * 50])
    assert ids.shape == (1, clip_model.CONTEXT)
    assert ids[0, -1] == len(vocabulary()) - 1


def test_similarity_by_hand():
    text_QD = np.array([[3.0, 4.0], [0.0, 0.0]])
    feats_TD = np.array([[10.0, 0.0], [-6.0, -8.0], [0.4, -0.3]])
    sim_QT = similarity(text_QD, feats_TD)
    np.testing.assert_allclose(sim_QT, [[0.6, -1.0, 0.0], [0.0, 0.0, 0.0]], atol=1e-6)
    assert sim_QT.dtype == np.float32


class Watched:
    """Batches that know how many were taken, and whether and where they were closed."""

    def __init__(self, count, fail_at=None):
        self.taken, self.closed, self.threads = 0, threading.Event(), set()
        self.batches = self.produce(count, fail_at)

    def produce(self, count, fail_at):
        try:
            for i in range(count):
                if i == fail_at:
                    raise OSError("torn tape")
                self.taken += 1
                self.threads.add(threading.get_ident())
                yield pictures(1, 32, 32, i)
        finally:
            self.closed.set()


def test_frames_are_produced_in_another_thread_and_no_further_than_needed(narrow):
    watched = Watched(1000)
    features = Clip.load(str(narrow), device="cpu").encode_batches(watched.batches)
    next(features)
    features.close()
    assert watched.closed.wait(5)
    assert watched.taken < 10
    assert threading.get_ident() not in watched.threads


def test_an_error_of_the_source_arrives(narrow):
    watched = Watched(5, fail_at=2)
    features = Clip.load(str(narrow), device="cpu").encode_batches(watched.batches)
    assert len([next(features), next(features)]) == 2
    with pytest.raises(OSError, match="torn tape"):
        next(features)
    assert list(Clip.load(str(narrow), device="cpu").encode_batches([])) == []


FEATS = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
KEY = FeatureKey("v", "c", 1.0, "float32", 7, 4)


def test_cache_gives_back_what_was_put(tmp_path):
    cache = FeatureCache(tmp_path / "new" / "folder")
    assert cache.get(KEY) is None
    cache.put(KEY, FEATS)
    np.testing.assert_array_equal(FeatureCache(tmp_path / "new" / "folder").get(replace(KEY, fps=1)), FEATS)
    others = [{"video": "w"}, {"clip": "d"}, {"fps": 2.0}, {"dtype": "bfloat16"}, {"frames": 8}, {"width": 5}]
    assert [cache.get(replace(KEY, **other)) for other in others] == [None] * 6
    assert [path.suffix for path in cache.folder.iterdir()] == [".safetensors"]  # no temporary is left


@pytest.mark.parametrize("damage", [b"", b"rubbish", None])
def test_corrupt_entry_is_a_logged_miss_and_heals(tmp_path, caplog, damage):
    cache = FeatureCache(tmp_path)
    cache.put(KEY, FEATS)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-8] if damage is None else damage)
    assert cache.get(KEY) is None
    assert "damaged" in caplog.text
    cache.put(KEY, FEATS)
    np.testing.assert_array_equal(cache.get(KEY), FEATS)


def test_entry_of_another_key_is_a_miss(tmp_path):
    cache = FeatureCache(tmp_path)
    cache.put(KEY, FEATS)
    (path,) = tmp_path.iterdir()
    other = replace(KEY, video="other")
    path.rename(cache._path(other))
    assert cache.get(other) is None


def test_least_recently_used_goes_first(tmp_path):
    entry = FeatureCache(tmp_path / "one")
    entry.put(KEY, FEATS)
    size = next((tmp_path / "one").iterdir()).stat().st_size
    cache = FeatureCache(tmp_path / "many", max_bytes=2 * size)
    a, b, d = (replace(KEY, video=video) for video in "abd")
    for age, key in enumerate([a, b]):
        cache.put(key, FEATS)
        os.utime(cache._path(key), (1000 + age, 1000 + age))
    assert cache.get(a) is not None  # now used later than b
    cache.put(d, FEATS)
    assert [cache.get(key) is not None for key in (a, b, d)] == [True, False, True]


def test_a_folder_that_cannot_be_written_does_not_stop_the_answer(tmp_path, caplog):
    (tmp_path / "file").write_text("not a folder")
    cache = FeatureCache(tmp_path / "file")
    cache.put(KEY, FEATS)
    assert "not cached" in caplog.text
    assert cache.get(KEY) is None


def test_default_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("MSJOE_CACHE", raising=False)
    assert default_folder() == tmp_path / "msjoe" / "features"
    monkeypatch.setenv("MSJOE_CACHE", str(tmp_path / "mine"))
    assert FeatureCache().folder == tmp_path / "mine"
