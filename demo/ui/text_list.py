"""A short list of texts that a visitor edits, adds to, takes from and pastes into."""

import re
from html import escape
from pathlib import Path

import gradio as gr

from msjoe.letters import LETTERS
from msjoe.prompts import strip_labels

JS = Path(__file__).with_name("editor.js")
_MARK = re.compile(r"(?:^|(?<=\s))\(?([A-Z])[.):]\s+")


def editor(
    title: str, noun: str, items: list[str] | None, most: int, letters: bool = False, again: str = "",
    fixed: bool = False, pasted: str = "", **kwargs,
) -> gr.HTML:  # fmt: skip
    """Rows of text fields; None hides it. A list that is pasted is a choice of kind ``pasted``, with its text.

    With ``again``, the label of a second button, a click on that triggers ``submit``. ``fixed``: to be read only.
    """
    button = f'<button type="button" class="again" disabled>{escape(again)}</button>' if again else ""
    template = (
        f'<section class="editor{" fixed" if fixed else ""}"><h2>{title}</h2><ol class="rows"></ol><div class="under">'
        f'<button type="button" class="add">+ Add {escape(noun.lower())}</button>{button}</div></section>'
    )
    return gr.HTML(
        items,
        html_template=template,
        js_on_load=JS.read_text(encoding="utf-8"),
        apply_default_css=False,
        most=most,
        noun=noun,
        letters=letters,
        pasted=pasted,
        **kwargs,
    )


def split_pasted(text: str) -> tuple[str, list[str]]:
    """(what stands before the first option, the options) of a pasted "Question? A. this B. that" or of lines.

    Marks count only when they run A, B, C, ... from the first; otherwise every line is an option.
    """
    marks: list[re.Match] = []
    for found in _MARK.finditer(text):
        if found[1] == LETTERS[len(marks) : len(marks) + 1]:
            marks.append(found)
    if len(marks) < 2:
        lines = [" ".join(line.split()) for line in text.splitlines()]
        return "", strip_labels([line for line in lines if line])
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    options = [" ".join(text[mark.end() : end].split()) for mark, end in zip(marks, ends, strict=True)]
    return " ".join(text[: marks[0].start()].split()), options


def pasted_lines(text: str, most: int) -> list[str]:
    """The first ``most`` lines that hold something."""
    return [line.strip() for line in text.splitlines() if line.strip()][:most]


def items_of(value: object, most: int) -> list[str]:
    """The texts that a browser sent, tidied, empty ones left out: it may send anything."""
    if not isinstance(value, list):
        return []
    return [" ".join(item.split()) for item in value[: most + 1] if isinstance(item, str) and item.strip()]
