"""The miniature CLIP: an open_clip model small enough to train on one CPU thread.

It is saved in the form that open_clip reads as ``local-dir:FOLDER`` (a config, the weights as safetensors and an HF
tokenizer), so the code that loads ViT-L/14 loads this one too.
"""

import json
from pathlib import Path

import open_clip
import torch
from open_clip.model import set_model_preprocess_cfg
from open_clip.transform import PreprocessCfg, merge_preprocess_dict
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast

from msjoe.clip_names import CONFIG_NAME
from msjoe.errors import CheckpointError
from msjoe.files import write_atomic
from msjoe.reel.vocabulary import COLOUR_WORDS, ITEMS, PLACES, SHAPES

PAD, UNK, BOS, EOS = "[PAD]", "[UNK]", "[BOS]", "[EOS]"
WEIGHTS_NAME = "open_clip_model.safetensors"
CONTEXT = 24  # tokens, with the start and the end

# Ordinary words around a look, in queries and in questions. None of them describes what is seen. A word that is not
# here becomes [UNK]: the list keeps grammar apart from names.
FILLER_TEXT = """
    , . ? : ' - a an and are as at be been before after between but by can carried carries carry carrying count
    did do does during each first for from had has have he held her his hold holding holds how in into is it its
    last least long look looks looking many me more most next no not of on one ones or other out over picture
    photo scene second seen seeing see she show shown shows some someone something somewhere than that the their
    them then there these they thing third this those time times to turn up video was were what when where which
    while who whose why will with without yes you kind kinds different same near appear appears appeared come
    comes came go goes went place places person character object detail plate often never ever only just right
"""
FILLERS = tuple(FILLER_TEXT.split())


def vocabulary() -> list[str]:
    """Every token in order of id: specials, words of looks, fillers, and the end token last.

    The end token has the highest id because open_clip pools text at argmax of the ids.
    """
    looks = [word for place in PLACES for word in place.look.split()]
    words = [*COLOUR_WORDS, *SHAPES, *ITEMS, *looks, *FILLERS]
    return [PAD, UNK, BOS, *dict.fromkeys(words), EOS]


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A word-level tokenizer that knows looks and fillers. Names of places and characters are [UNK]."""
    ids = {token: index for index, token in enumerate(vocabulary())}
    inner = Tokenizer(WordLevel(ids, unk_token=UNK))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.Split(Regex(r"\w+|[^\w\s]"), behavior="removed", invert=True)
    inner.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A {EOS}", special_tokens=[(BOS, ids[BOS]), (EOS, ids[EOS])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token=PAD,
        unk_token=UNK,
        bos_token=BOS,
        eos_token=EOS,
        model_max_length=CONTEXT,
    )


def clip_config() -> dict:
    """The content of open_clip_config.json: about 1.5 M parameters, pictures of 56 pixels.

    The "custom" block is open_clip's own attention, a third faster on a CPU than torch's module.
    """
    vision = {
        "image_size": 56,
        "patch_size": 8,
        "width": 128,
        "layers": 5,
        "head_width": 32,
        "pool_type": "avg",
        "block_type": "custom",
    }
    text = {
        "context_length": CONTEXT,
        "vocab_size": len(vocabulary()),
        "hf_tokenizer_name": "reel-clip",  # any name: open_clip reads a local folder's own tokenizer
        "width": 128,
        "heads": 4,
        "layers": 2,
        "block_type": "custom",
    }
    return {
        "model_cfg": {"embed_dim": 128, "vision_cfg": vision, "text_cfg": text},
        "preprocess_cfg": {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25], "interpolation": "bilinear"},
    }


def new_clip(seed: int) -> open_clip.CLIP:
    """An untrained miniature with weights drawn from ``seed``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = open_clip.CLIP(**clip_config()["model_cfg"])
    size = model.visual.image_size
    set_model_preprocess_cfg(model, merge_preprocess_dict(PreprocessCfg(size), clip_config()["preprocess_cfg"]))
    return model


def continued_clip(folder: Path) -> open_clip.CLIP:
    """The weights of an earlier miniature, of any version of Reel.

    Raises CheckpointError when the folder does not hold one of this architecture and vocabulary.
    """
    model = new_clip(0)
    try:
        model.load_state_dict(load_file(folder / WEIGHTS_NAME))
    except (OSError, RuntimeError) as error:
        raise CheckpointError(f"{folder} does not hold a miniature CLIP of this architecture: {error}") from error
    return model


def save_clip(model: open_clip.CLIP, folder: Path) -> None:
    """Write config, weights and tokenizer so that ``Clip.load(folder)`` reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / CONFIG_NAME, lambda path: path.write_text(json.dumps(clip_config(), indent=2) + "\n"))
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    write_atomic(folder / WEIGHTS_NAME, lambda path: save_file(tensors, path))
    build_tokenizer().save_pretrained(folder)
