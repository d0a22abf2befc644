"""The model card of the miniature CLIP."""

from msjoe.miniature.clip.training_pairs import ATTRIBUTES
from msjoe.miniature.model_card import fill_card, table_rows


def card(record: dict) -> str:
    """The model card as Markdown, from what reel.json holds."""
    validation = record["validation"]
    groups = {**validation["ranking"], **validation["by_length"], "unseen compositions": validation["unseen"]}
    shares = ("top1", "r_precision", "chance")
    rows = [
        (name, str(found["queries"]), *(f"{found[share]:.1%}" for share in shares))
        for name, found in groups.items()
        if found["queries"]
    ]
    decoys = validation["hard_decoys"]
    return fill_card(
        CARD,
        record,
        table=table_rows(rows),
        videos=sum(found["videos"] for found in validation["ranking"].values()),
        steps=record["steps"],
        samples=record["steps"] * record["training"]["batch"],
        first=decoys["first"],
        pictures=decoys["pictures"],
        wins="; ".join(f"{name} {decoys[name]:.1%}" for name in ATTRIBUTES[:4]),
    )


CARD = """---
library_name: open_clip
license: apache-2.0
pipeline_tag: zero-shot-image-classification
---
# reel-clip

A CLIP of about 1.5 M parameters that knows one world only: Reel {reel_version}, the procedural videos of MSJoE.
It sees 56-pixel pictures and understands captions of how they look, such as "red triangle with a key, blue waves",
and parts of them. It has never heard a name of a place or a character: those are unknown tokens to it, and hats and
small marks have no words. On anything but Reel its scores mean nothing.

It is an open_clip model: `open_clip.create_model("local-dir:FOLDER")`, or `--clip FOLDER` here.

## Training
`{command}`

Seed {seed}, {steps} steps, {samples:,} pictures drawn on the way, {minutes:.0f} minutes on one CPU thread. Contrastive,
with every true pair of a batch as a positive and negatives that differ in one attribute. Compositions of character,
place and item that are kept for the test were never drawn.
{note}
## Measured on validation videos
Ideal queries against every second of a video (1 fps), {videos} videos. Top 1: a second that shows all the query asks
for stands above every second that does not. R-precision: share of true seconds among the best as many as there are
true ones. Chance: share of true seconds.

| queries of | how many | top 1 | R-precision | chance |
|---|---|---|---|---|
{table}

A picture's own caption against all 32 captions that differ from it in one attribute: first for {first:.1%} of
{pictures} pictures. Against the other values of one attribute alone: {wins}.
"""
