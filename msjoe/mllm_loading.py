"""Loading an MLLM by name: where it runs, in which numbers, with which attention, and why."""

import importlib.util
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForImageTextToText,
    AutoProcessor,
    BitsAndBytesConfig,
    PreTrainedModel,
    ProcessorMixin,
)
from transformers.utils import logging as progress

from msjoe.checkpoint_stamp import check_reel_version
from msjoe.errors import CheckpointError, UserError
from msjoe.estimate import mllm_warning
from msjoe.flags import check_device
from msjoe.mllm_adapters import ADAPTER_JSON, base_of, put_in
from msjoe.prompts import PROMPTS_JSON, Templates

log = logging.getLogger(__name__)

KNOWN = ("qwen2_5_vl", "qwen2_vl")  # families whose processor this project knows how to feed
SMALL = 500e6  # parameters; up to here float32 is affordable on a CPU
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def load_parts(
    name: str, load_in_4bit: bool, device: str, dtype: str
) -> tuple[PreTrainedModel, ProcessorMixin, Templates]:
    """Model in evaluation mode, processor and templates. Raises CheckpointError, saying what to do.

    A folder of LoRA adapters gives its base model with the adapters in it.
    """
    check_folder(name)
    if base := base_of(name):
        model, processor, templates = load_parts(base, load_in_4bit, device, dtype)
        put_in(model, name, merge=not load_in_4bit)
        log.info("adapters %s in %s", name, base)
        return model.eval(), processor, Templates.beside(name) if (Path(name) / PROMPTS_JSON).is_file() else templates
    try:
        config = AutoConfig.from_pretrained(name)
        check_family(name, config)
        where = choose_device(device)
        options = loading_options(config, load_in_4bit, where, dtype)
        warn_of_memory(name, config, load_in_4bit, where, options["dtype"])
        processor = AutoProcessor.from_pretrained(name)
        check_tokenizer(name, processor, config)
        # Weights of another shape are let through here and refused by check_complete, in plain words.
        with loading_bar(shown=log.isEnabledFor(logging.INFO) or not Path(name).is_dir()):
            model, report = AutoModelForImageTextToText.from_pretrained(
                name, **options, output_loading_info=True, ignore_mismatched_sizes=True
            )
    except (OSError, ValueError, KeyError, SafetensorError, StrictDataclassError) as error:  # the hub's are OSErrors
        if isinstance(error, UserError):
            raise
        raise CheckpointError(_cannot_load(name, error)) from error
    check_complete(name, report)
    if not load_in_4bit and "device_map" not in options:
        model = model.to(where)
    return model.eval(), processor, Templates.beside(name)


@contextmanager
def loading_bar(shown: bool) -> Iterator[None]:
    """Keep transformers' bar over the weights or hide it.

    Its switch also hides the bars of downloads, so it should stay on for a hub id.
    """
    if shown or not progress.is_progress_bar_enabled():
        yield
        return
    progress.disable_progress_bar()
    try:
        yield
    finally:
        progress.enable_progress_bar()


def check_folder(name: str) -> None:
    """A local folder must exist, look like a checkpoint and be of this Reel version."""
    folder = Path(name)
    if folder.is_dir():
        if not any((folder / file).is_file() for file in ("config.json", ADAPTER_JSON)):
            raise CheckpointError(
                f"no config.json in {folder}: give the folder of a Qwen2.5-VL model saved by transformers, or a hub id"
            )
        check_reel_version(folder)
    elif folder.exists():
        raise CheckpointError(f"{folder} is a file: give the folder that holds a Qwen2.5-VL model, or a hub id")
    elif name.startswith((".", "/", "~")) or name.count("/") != 1:
        raise CheckpointError(f"no folder {name}: give the path of a Qwen2.5-VL model or a hub id such as {EXAMPLE}")


EXAMPLE = "Qwen/Qwen2.5-VL-7B-Instruct"


def check_family(name: str, config: object) -> None:
    if config.model_type not in KNOWN:
        raise CheckpointError(
            f"{name} is a {config.model_type} model: give one of the Qwen2.5-VL family, such as {EXAMPLE}"
        )


def check_complete(name: str, report: dict) -> None:
    """Weights that are missing or of another shape would be random numbers."""
    wrong = sorted(report["missing_keys"]) + sorted(key for key, *_ in report["mismatched_keys"])
    if wrong:
        raise CheckpointError(
            f"{name} lacks {len(wrong)} of the model's weights, {wrong[0]} for one: get the checkpoint again"
        )


def check_tokenizer(name: str, processor: ProcessorMixin, config: object) -> None:
    """A folder without tokenizer files loads an empty one, and a foreign one numbers its tokens otherwise."""
    found = processor.tokenizer.convert_tokens_to_ids("<|image_pad|>")
    if found != config.image_token_id:
        raise CheckpointError(
            f"the tokenizer of {name} gives <|image_pad|> the number {found}, the model expects "
            f"{config.image_token_id}: tokenizer files are missing or of another model; get the checkpoint again"
        )


def choose_device(device: str) -> torch.device:
    """Raises UserError for a device that is not available."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    check_device(device)
    return torch.device(device)


def loading_options(config: object, load_in_4bit: bool, device: torch.device, dtype: str) -> dict:
    """Keyword arguments of from_pretrained; the reasons go to the log."""
    attention, why = choose_attention(device)
    numbers = choose_dtype(config, load_in_4bit, device, dtype)
    log.info("MLLM on %s in %s, attention %s: %s", device, "nf4" if load_in_4bit else numbers, attention, why)
    options = {"dtype": numbers, "attn_implementation": attention}
    if load_in_4bit:
        if importlib.util.find_spec("bitsandbytes") is None:
            raise CheckpointError("4-bit loading needs bitsandbytes: pip install bitsandbytes, or load without it")
        options["device_map"] = {"": str(device)}
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
    return options


def warn_of_memory(name: str, config: object, load_in_4bit: bool, device: torch.device, dtype: torch.dtype) -> None:
    """Log a warning, before anything is loaded, when a large model will not fit."""
    if parameter_count(config) > SMALL and (warning := mllm_warning(name, load_in_4bit, device, dtype)):
        log.warning("%s", warning)


def choose_attention(device: torch.device) -> tuple[str, str]:
    """The attention implementation and the reason for it."""
    if device.type != "cuda":
        return "sdpa", "torch's own, the fastest without CUDA"
    if importlib.util.find_spec("flash_attn") is None:
        return "sdpa", "flash_attn is not installed"
    if torch.cuda.get_device_capability(device)[0] < 8:
        return "sdpa", "flash_attn needs a GPU of compute capability 8.0"
    return "flash_attention_2", "flash_attn is installed"


def choose_dtype(config: object, load_in_4bit: bool, device: torch.device, dtype: str) -> torch.dtype:
    if dtype != "auto":
        if dtype not in DTYPES:
            raise CheckpointError(f"no dtype {dtype}: choose one of {', '.join(DTYPES)} or auto")
        return DTYPES[dtype]
    if device.type == "cpu" and not load_in_4bit and parameter_count(config) <= SMALL:
        return torch.float32
    return torch.bfloat16


def parameter_count(config: object) -> int:
    """Parameters of the language model's layers and embeddings, which are most of the whole."""
    text = config.get_text_config()
    head = text.hidden_size // text.num_attention_heads
    attention = text.hidden_size * head * 2 * (text.num_attention_heads + text.num_key_value_heads)
    layer = attention + 3 * text.hidden_size * text.intermediate_size
    return text.num_hidden_layers * layer + 2 * text.vocab_size * text.hidden_size


def _cannot_load(name: str, error: Exception) -> str:
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, json.JSONDecodeError):
        first = f"a JSON file of it is damaged ({first})"
    if Path(name).is_dir():
        return f"{name} cannot be loaded as a Qwen2.5-VL model: {first[:300]}. Get the checkpoint again or give another"
    return (
        f"cannot get {name} from the hub: {first[:300]}. Check the name and the network, or give a local folder "
        f"(the embedded models need no network)"
    )
