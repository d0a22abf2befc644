"""The model card of the miniature CLIP."""

import json
from pathlib import Path

from msjoe.checkpoint_stamp import REEL_JSON
from msjoe.files import write_atomic
from msjoe.miniature.clip.training_pairs import ATTRIBUTES


def write_card(folder: Path) -> None:
    """README.md of the checkpoint, written from its reel.json."""
    record = json.loads((folder / REEL_JSON).read_text(encoding="utf-8"))
    write_atomic(folder / "README.md", lambda path: path.write_text(card(record), encoding="utf-8"))


def card(record: dict) -> str:
    """The model card as Markdown."""
    validation = record["validation"]
    groups = {**validation["ranking"], **validation["by_length"], "unseen compositions": validation["unseen"]}
    rows = [
        f"| {name} | {f['queries']} | {f['top1']:.1%} | {f['r_precision']:.1%} | {f['chance']:.1%} |"
        for name, f in groups.items()
        if f["queries"]
    ]
    videos = sum(f["videos"] for f in validation["ranking"].values())
    decoys = validation["hard_decoys"]
    wins = "; ".join(f"{name} {decoys[name]:.1%}" for name in ATTRIBUTES[:4])
    return CARD.format(
        table="\n".join(rows),
        videos=videos,
        note=f"\n{record['note']}\n" if "note" in record else "",
        minutes=record["seconds"] / 60,
        samples=record["steps"] * record["training"]["batch"],
        first=decoys["first"],
        pictures=decoys["pictures"],
        wins=wins,
        **{key: record[key] for key in ("command", "seed", "steps", "reel_version")},
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
