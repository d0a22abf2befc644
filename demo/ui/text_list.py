"""An editable list of short texts: options or queries. A whole list can be pasted into it."""

import re
from html import escape
from pathlib import Path

import gradio as gr

from msjoe.letters import LETTERS
from msjoe.prompts import strip_labels

JS = Path(__file__).with_name("text_list.js")
_LABEL = re.compile(r"(?:^|(?<=\s))\(?([A-Z])[.):]\s+")


def text_list(
    title: str, noun: str, items: list[str] | None, most: int, letters: bool = False, button: str = "",
    read_only: bool = False, kind: str = "", **kwargs,
) -> gr.HTML:  # fmt: skip
    """One text field for each item; None hides the list. ``most``: how many items it may have.

    ``kind``: "options" or "queries"; pasting several lines sends their text to the server as an event of this kind.
    ``button``: label of a second button, which triggers ``submit``; "" for none.
    """
    again = f'<button type="button" class="again" disabled>{escape(button)}</button>' if button else ""
    fixed = " fixed" if read_only else ""
    template = (
        f'<section class="editor{fixed}"><h2>{title}</h2><ol class="rows"></ol><div class="under">'
        f'<button type="button" class="add">+ Add {escape(noun.lower())}</button>{again}</div></section>'
    )
    return gr.HTML(
        items,
        html_template=template,
        js_on_load=JS.read_text(encoding="utf-8"),
        apply_default_css=False,
        most=most,
        noun=noun,
        letters=LETTERS if letters else "",
        kind=kind,
        **kwargs,
    )


def split_pasted(text: str) -> tuple[str, list[str]]:
    """(text before the first option, options) from a pasted "Question? A. this B. that", or from lines.

    Labels count only if they run A, B, C, ... in this order; otherwise every line is an option.
    """
    labels: list[re.Match] = []
    for found in _LABEL.finditer(text):
        if found[1] == LETTERS[len(labels) : len(labels) + 1]:
            labels.append(found)
    if len(labels) < 2:
        lines = [" ".join(line.split()) for line in text.splitlines()]
        return "", strip_labels([line for line in lines if line])
    ends = [label.start() for label in labels[1:]] + [len(text)]
    options = [" ".join(text[label.end() : end].split()) for label, end in zip(labels, ends, strict=True)]
    return " ".join(text[: labels[0].start()].split()), options


def pasted_lines(text: str, most: int) -> list[str]:
    """The first ``most`` lines that are not empty."""
    return [line.strip() for line in text.splitlines() if line.strip()][:most]


def items_of(value: object, most: int) -> list[str]:
    """The texts that a browser sent, with spaces normalised and empty ones dropped. It may send anything."""
    if not isinstance(value, list):
        return []
    return [" ".join(item.split()) for item in value[: most + 1] if isinstance(item, str) and item.strip()]
