"""A question and its reply as text, and which of its tokens have supervised attention."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from msjoe.letters import LETTERS
from msjoe.miniature.mllm.model import build_tokenizer
from msjoe.prompts import MINIATURE_TEMPLATES

TURN = "<|im_end|>\n<|im_start|>assistant\n"


# A token of the reply by its index (below 0: of the prompt, counted from its last token), the frames to look at first,
# and the frames that then show it.
Point = tuple[int, tuple[int, ...], tuple[int, ...]]


# A token of the reply by its index, and the index of the prompt's token that it repeats.
Copied = tuple[int, int]


@dataclass(frozen=True)
class Branch:
    """The rest of a prompt after its frames, and the target reply. ``kind`` names it in metrics."""

    kind: str
    prompt: str
    reply: str
    points: tuple[Point, ...] = ()
    copied: tuple[Copied, ...] = ()


def prompt_tail(message: dict) -> str:
    """The text after the frames of a chat message made by Templates."""
    return message["content"][-1]["text"]


def answer_branch(
    kind: str,
    question: str,
    options: Sequence[str],
    reply: str,
    looks: Sequence[tuple] = (),
    option_looks: Sequence[tuple[int, ...]] = (),
) -> Branch:
    """``looks``: the (first, second) frames of each part of the reply.

    With one part they belong to all tokens of the reply, with two to its first and its last token. ``option_looks``:
    the frames that the last token of each option should attend to.
    """
    last = len(encode(reply)) - 1
    offsets = range(last + 1) if len(looks) == 1 else (0, last)
    parts = list(looks) * (last + 1) if len(looks) == 1 else looks
    points = tuple((offset, *part) for offset, part in zip(offsets, parts, strict=False))
    prompt = prompt_tail(MINIATURE_TEMPLATES.answer_message(question, options, []))
    last = len(encode(prompt + TURN)) - 1
    for option, frames in zip(options, option_looks, strict=False):
        if frames:
            points += ((option_end(prompt, options, option) - last, frames, frames),)
    return Branch(kind, prompt, reply, points, copied_from(prompt, options, reply))


def option_end(prompt: str, options: Sequence[str], option: str) -> int:
    """Index of the prompt's token that ends an option."""
    line = MINIATURE_TEMPLATES.option_line(LETTERS[list(options).index(option)], option)
    return len(encode(prompt[: prompt.index(line) + len(line)])) - 1


def copied_from(prompt: str, options: Sequence[str], reply: str) -> tuple[Copied, ...]:
    """Which tokens of the prompt the reply repeats; () where it is not one of the options."""
    if reply not in options:
        return ()
    length = len(encode(reply))
    first = option_end(prompt, options, reply) - length + 1
    return tuple((i, first + i) for i in range(length))


def reason_branch(question: str, options: Sequence[str], reply: str, points: tuple[Point, ...] = ()) -> Branch:
    return Branch("queries", prompt_tail(MINIATURE_TEMPLATES.reason_message(question, options, [], 4)), reply, points)


@lru_cache(maxsize=100_000)
def encode(text: str) -> tuple[int, ...]:
    return tuple(build_tokenizer()(text).input_ids)
