"""The model card of the miniature MLLM."""

from msjoe.miniature.mllm.samples.query_teachers import TEACHERS
from msjoe.miniature.model_card import fill_card, table_rows


def card(record: dict) -> str:
    """The model card as Markdown, from what reel.json holds."""
    found, training = record["validation"], record["training"]
    return fill_card(
        CARD,
        record,
        start="from the weights of an earlier one: " if training["start_from"] else FRESH.format(**training),
        language_steps=training["steps"],
        teachers=", ".join(f"{name} {part:.0%}" for name, part in TEACHERS.items()),
        attributes=_shares(found["one_frame_112"], found["one_frame_56"], missing="cannot be read"),
        answers=_shares(found["evidence_frames"], found["uniform_8_frames"]),
        questions=found["questions_per_track"],
        frames=found["single_frames"],
        **{key: f"{value:.1%}" for key, value in found["queries"].items()},
    )


def _shares(*columns: dict[str, float], missing: str = "-") -> str:
    """A row for each name of the first column: the name and its share in each column."""
    return table_rows(
        [name, *(f"{column[name]:.1%}" if name in column else missing for column in columns)] for name in columns[0]
    )


FRESH = (
    "from scratch: {vision_steps} steps in which the vision tower learns to name what a picture shows,\n"
    "then, with the tower held, "
)
CARD = """---
library_name: transformers
license: apache-2.0
pipeline_tag: image-text-to-text
---
# reel-mllm

A Qwen2.5-VL of about 3 M parameters that knows one world only: Reel {reel_version}, the procedural videos of MSJoE.
It looks at previews (56 x 56, 4 tokens) and writes search queries, looks at key-frames (112 x 112, 16 tokens) and
answers in Reel's few words: where there are options, with the words of one, which `extract_letter` reads as its
letter. On anything but Reel its replies mean nothing. It is the base model: nothing in it was trained by
reinforcement learning yet.

The classes are those of the real model (`Qwen2_5_VLForConditionalGeneration`, `Qwen2_5_VLProcessor`), so
`AutoModelForImageTextToText.from_pretrained(FOLDER)` loads it; `--mllm FOLDER` here. `prompts.json` holds its
templates, which are much shorter than those for real models.

## Training
`{command}`

Seed {seed}, {minutes:.0f} minutes on one CPU core, {start}{language_steps} steps in which the language model learns
from frames and questions of the train split; some of its attention heads are supervised with the frames that a question
means and with the right option (`msjoe/miniature/mllm/attention_loss.py`).
Compositions of character, place and item that are kept for the test were never shown. Queries were learned from a
fixed mix of teachers ({teachers}): see `msjoe/miniature/mllm/samples/query_teachers.py`.
{note}
## Measured on the validation split
Share of right words for a single picture ({frames} pictures a column):

| attribute | 112 px | 56 px |
|---|---|---|
{attributes}

Share of right options ({questions} questions a track, four or five options) from 8 frames: those of the evidence filled
up with random ones, or 8 spread evenly over the video:

| track | evidence frames | 8 uniform frames |
|---|---|---|
{answers}

Queries, from 4 previews: {strict_form} of the replies have exactly the asked form, {one_to_four} give one to four
queries. Where a question is about characters, {right_costume} of the replies name the costume of one of them, which
only the previews or the question can tell; of those characters that a preview shows, {right_costume_if_previewed}.
"""
