"""The MLLM: previews and question -> queries (step 1); key-frames and question -> answer (step 4).

One class for every size: whatever ``AutoModelForImageTextToText`` loads with Qwen2.5-VL's processor.
Key-frames go in as separate images, each after its time, because the video path merges pairs of
frames and assumes an even rate.

Shapes: B prompts of a batch, L tokens.
"""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import PreTrainedModel, ProcessorMixin, StoppingCriteria, StoppingCriteriaList

from msjoe.errors import QuestionError
from msjoe.mllm_loading import load_parts
from msjoe.prompts import Templates, plain_text
from msjoe.settings import Settings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shown:
    """What one prompt shows: a question, its options (none: an open question), frames and their times."""

    question: str
    options: tuple[str, ...]
    frames: list[np.ndarray]  # uint8 [H, W, 3] RGB
    times: list[float]  # seconds
    wording: str | None = None  # a benchmark's own words for an answer: they follow the frames, which bear no times

    def __post_init__(self) -> None:
        if len(self.frames) != len(self.times):
            raise ValueError(f"{len(self.frames)} frames with {len(self.times)} times: give one time a frame")


@dataclass(frozen=True)
class Reply:
    """A model's words, and what they cost in tokens."""

    text: str
    visual_tokens: int
    prompt_tokens: int  # visual ones included
    new_tokens: int  # the end mark included
    prompt: str = ""  # what was asked, [picture] for each picture


class Mllm:
    """A loaded model with its processor and prompt templates."""

    def __init__(self, name: str, model: PreTrainedModel, processor: ProcessorMixin, templates: Templates) -> None:
        self.id, self.model, self.processor, self.templates = name, model, processor, templates
        self.interrupted: Callable[[], bool] = lambda: False  # asked after every new token; True ends the reply there
        processor.tokenizer.padding_side = "left"  # a batch is continued at its right end

    @classmethod
    def load(cls, name: str, load_in_4bit: bool = False, device: str = "auto", dtype: str = "auto") -> "Mllm":
        """Load by a local path or a hub id.

        ``device`` "auto" is CUDA where there is one. ``dtype`` "auto" is bfloat16, or float32 for a
        model small enough for it on a CPU. ``load_in_4bit``: NF4 by bitsandbytes, on GPU and CPU.
        Raises CheckpointError for what is missing, foreign or of another Reel version.
        """
        model, processor, templates = load_parts(name, load_in_4bit, device, dtype)
        told = Path(name).resolve().name if Path(name).is_dir() else name  # no path of this machine in a Trace
        return cls(told, model, processor, templates)

    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def preview_pixels(self) -> int:
        """At most, of a preview's H * W."""
        return self.templates.preview_pixels

    @property
    def frame_pixels(self) -> int:
        """At most, of a key-frame's H * W."""
        return self.templates.frame_pixels

    def preview_count(self, settings: Settings) -> int:
        """Previews of turn 1: as set, else this model's own number, else half the budget as in the paper."""
        if settings.previews is not None:
            return settings.previews
        return settings.budget // 2 if self.templates.previews is None else self.templates.previews

    def tier_pixels(self, tier: int) -> int:
        """At most, of a key-frame in a resolution tier: 0 full, 1 half the side, 2 a quarter.

        Not below what the image processor would enlarge to, which would cost the same tokens.
        """
        return max(self.frame_pixels // 4**tier, min(self.picture_size(self.frame_pixels)["size"].values()))

    def reason(
        self, batch: Sequence[Shown], max_queries: int = 4, temperature: float = 0.0, seed: int | None = None
    ) -> list[Reply]:
        """Step 1 for a batch: replies that hold search queries. Temperature 0 is greedy."""

        def message(shown: Shown) -> dict:
            return self.templates.reason_message(shown.question, shown.options, shown.times, max_queries)

        return self._reply(batch, message, self.preview_pixels, self.templates.reason_new_tokens, temperature, seed)

    def answer(self, batch: Sequence[Shown], temperature: float = 0.0, seed: int | None = None) -> list[Reply]:
        """Step 4 for a batch: replies that hold a letter, or a free answer where there are no options."""

        def message(shown: Shown) -> dict:
            if shown.wording is not None:
                return self.templates.worded_message(len(shown.frames), shown.wording)
            return self.templates.answer_message(shown.question, shown.options, shown.times)

        opened = any(not shown.options for shown in batch)
        limit = self.templates.open_new_tokens if opened else self.templates.answer_new_tokens
        return self._reply(batch, message, self.frame_pixels, limit, temperature, seed)

    def check_reason(self, question: str, options: Sequence[str], times: Sequence[float], max_queries: int = 4) -> None:
        """Raise QuestionError where a prompt with previews at ``times`` is too long whatever their size.

        For before they are read, which takes time and memory for each.
        """
        self._check_text(len(times), lambda: self.templates.reason_message(question, options, times, max_queries))

    def check_answer(self, question: str, options: Sequence[str], times: Sequence[float]) -> None:
        """The same for key-frames."""
        self._check_text(len(times), lambda: self.templates.answer_message(question, options, times))

    def inputs(self, batch: Sequence[Shown], message: Callable[[Shown], dict], max_pixels: int) -> dict:
        """Processor output for a batch, on the model's device; every picture within ``max_pixels``."""
        pictures = [frame for shown in batch for frame in shown.frames]
        inputs = self.processor(
            text=self._texts(batch, message),
            images=pictures or None,
            images_kwargs=self.picture_size(max_pixels),
            padding=True,
            return_tensors="pt",
        )
        self._check_length(inputs["input_ids"].shape[1])
        return inputs.to(self.device)

    def inputs_of_seen(self, batch: Sequence[Shown], message: Callable[[Shown], dict], grids_N3: torch.Tensor) -> dict:
        """As ``inputs``, without pixels: of pictures whose visual tokens are known. grids_N3: all pictures' patches."""
        mark, merged = self.processor.image_token, self.processor.image_processor.merge_size**2
        counts = iter((grids_N3.prod(-1) // merged).tolist())
        texts = [re.sub(re.escape(mark), lambda _: mark * next(counts), text) for text in self._texts(batch, message)]
        inputs = self.processor.tokenizer(texts, padding=True, return_tensors="pt")
        self._check_length(inputs["input_ids"].shape[1])
        inputs["mm_token_type_ids"] = (inputs["input_ids"] == self.processor.image_token_id).long()
        return {**inputs.to(self.device), "image_grid_thw": grids_N3}

    def _texts(self, batch: Sequence[Shown], message: Callable[[Shown], dict]) -> list[str]:
        """Prompts as text, with one mark for each picture."""
        chats = [[message(shown)] for shown in batch]
        return self.processor.apply_chat_template(chats, tokenize=False, add_generation_prompt=True)

    def picture_size(self, max_pixels: int) -> dict:
        """What the image processor may make of a picture."""
        smallest = self.processor.image_processor.size["shortest_edge"]
        return {"size": {"shortest_edge": min(smallest, max_pixels), "longest_edge": max_pixels}}

    @property
    def _context(self) -> int:
        """Tokens that the model reads at most."""
        return self.model.config.get_text_config().max_position_embeddings

    def _check_text(self, pictures: int, message: Callable[[], dict]) -> None:
        """A lower bound of the prompt's length, without the pictures: of each only its mark and its time count."""
        if pictures >= self._context:  # the text alone would take long to write
            self._check_length(pictures)
        text = self.processor.apply_chat_template([message()], tokenize=False, add_generation_prompt=True)
        self._check_length(len(self.processor.tokenizer(text)["input_ids"]))

    def _check_length(self, length: int) -> None:
        if length >= self._context:
            raise QuestionError(
                f"the prompt has {length:,} tokens or more, {self.id} reads {self._context:,}: lower the budget or the "
                f"number of previews, or shorten the question and its options"
            )

    def _reply(
        self,
        batch: Sequence[Shown],
        message: Callable[[Shown], dict],
        max_pixels: int,
        limit: int,
        temperature: float,
        seed: int | None,
    ) -> list[Reply]:
        if not batch:
            return []
        inputs = self.inputs(batch, message, max_pixels)
        new_BL = self.generate(inputs, limit, temperature, seed)
        texts = self.processor.batch_decode(new_BL, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        visual_B = (inputs["input_ids"] == self.model.config.image_token_id).sum(1).tolist()
        prompt_B = inputs["attention_mask"].sum(1).tolist()
        new_B = [self._new_tokens(row_L) for row_L in new_BL]
        asked = [plain_text(message(shown)) for shown in batch]
        return [Reply(*parts) for parts in zip(texts, visual_B, prompt_B, new_B, asked, strict=True)]

    @torch.inference_mode()
    def generate(self, inputs: dict, limit: int, temperature: float, seed: int | None = None) -> torch.Tensor:
        """New token ids int64 [B, L], padded behind the end mark. ``seed`` makes sampling repeatable."""
        if seed is not None:
            torch.manual_seed(seed)
        how = {"do_sample": True, "temperature": temperature, "top_p": 1.0, "top_k": 0} if temperature > 0 else GREEDY
        stop = StoppingCriteriaList([_Interrupted(self.interrupted)])
        out_BL = self.model.generate(
            **inputs, max_new_tokens=limit, pad_token_id=self._pad, stopping_criteria=stop, **how
        )
        return out_BL[:, inputs["input_ids"].shape[1] :]

    @property
    def _pad(self) -> int:
        return self.processor.tokenizer.pad_token_id

    def _new_tokens(self, row_L: torch.Tensor) -> int:
        """Tokens up to and with the first end mark."""
        ends = self.model.generation_config.eos_token_id
        marks = torch.isin(row_L, torch.tensor(ends, device=row_L.device)).nonzero()
        return int(marks[0]) + 1 if len(marks) else len(row_L)


class _Interrupted(StoppingCriteria):
    """Ends all replies of a batch once ``asked`` says so."""

    def __init__(self, asked: Callable[[], bool]) -> None:
        self.asked = asked

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_) -> torch.Tensor:
        return torch.full((len(input_ids),), self.asked(), dtype=torch.bool, device=input_ids.device)


# Checkpoints of real models bring sampling settings; greedy search must not warn about them.
GREEDY = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None, "repetition_penalty": 1.0}
