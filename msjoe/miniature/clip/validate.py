"""Measured figures of the miniature CLIP.

Shapes: N pictures or seconds, M texts, A attributes (see ``training_pairs``), T dense frames.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from msjoe.clip import Clip, similarity
from msjoe.miniature.clip.training_pairs import ANY, ATTRIBUTES, attributes, truth
from msjoe.reel.drawing.pose import pose_in_shot
from msjoe.reel.drawing.render import draw
from msjoe.reel.moments import Look, Moment, caption, random_moment
from msjoe.reel.script.records import TRACKS, Script
from msjoe.reel.script.write_script import make_script
from msjoe.reel.source import ReelSource
from msjoe.reel.vocabulary import COLOUR_WORDS, ITEMS, PLACES, SHAPES

DECOY_SEED = 1_000_003  # of the pictures of the decoy test; training draws from [seed, step]
VIDEOS = 12  # a track
LENGTHS = ((0, 600), (600, 1200), (1200, 3600))  # seconds of video: groups of the report


@dataclass(frozen=True)
class Ranked:
    """How one ideal query ranks the seconds of its video."""

    top1: bool  # the best second shows all that the query asks for
    r_precision: float  # share of true seconds among the best as many as there are true ones
    chance: float  # share of true seconds
    seconds: int  # of the video, T
    unseen: bool  # asked by a question on a composition kept out of training


def validate_clip(folder: Path, videos: int = VIDEOS, pictures: int = 1000) -> dict:
    """The figures of reel.json, from the saved checkpoint through the same code as any CLIP.

    ``ranking``: over the ideal queries of validation videos, means of what ``Ranked`` holds for each
    track, ``by_length`` of the video, and for queries of ``unseen`` compositions.
    ``hard_decoys``: share of pictures whose caption scores above all 32 captions that differ from
    it in one attribute."""
    clip = Clip.load(str(folder), device="cpu")
    rows = {track: rank_track(clip, track, videos) for track in TRACKS}
    every = [row for of_track in rows.values() for row in of_track]
    by_length = {
        f"{low // 60} to {high // 60} min": mean_of([row for row in every if low <= row.seconds < high])
        for low, high in LENGTHS
    }
    return {
        "ranking": {track: {"videos": videos, **mean_of(of_track)} for track, of_track in rows.items()},
        "by_length": {name: figures for name, figures in by_length.items() if figures["queries"]},
        "unseen": mean_of([row for row in every if row.unseen]),
        "hard_decoys": decoy_figures(clip, pictures),
    }


def rank_track(clip: Clip, track: str, videos: int) -> list[Ranked]:
    """The ideal queries of the first ``videos`` validation videos of a track."""
    return [row for seed in range(videos) for row in rank_video(clip, make_script("validation", track, seed))]


def mean_of(rows: Sequence[Ranked]) -> dict[str, float]:
    """How many queries, and their mean top1, r_precision and chance; 0 of them have no means."""
    if not rows:
        return {"queries": 0}
    means = {name: float(np.mean([getattr(r, name) for r in rows])) for name in ("top1", "r_precision", "chance")}
    return {"queries": len(rows), **{name: round(value, 3) for name, value in means.items()}}


def rank_video(clip: Clip, script: Script) -> list[Ranked]:
    """Each ideal query of one video, once; those that are true of no second are left out."""
    feats_TD = np.concatenate(list(clip.encode_batches(ReelSource(script).dense(1.0, clip.size))))
    asked = [(query, question.unseen) for question in script.questions for query in question.ideal_queries]
    queries = list(dict.fromkeys(query for query, _ in asked))
    unseen = {query for query, of_unseen in asked if of_unseen}
    true_MT = truth(np.array([asked_by(query) for query in queries]), shown_each_second(script, len(feats_TD)))
    sim_MT = similarity(clip.encode_texts(queries), feats_TD)
    rows = []
    for query, true_T, sim_T in zip(queries, true_MT, sim_MT, strict=True):
        if true_T.any():  # an ideal query may name an option that never occurs
            best = np.argsort(-sim_T, kind="stable")[: true_T.sum()]
            first, precision = bool(true_T[sim_T.argmax()]), float(true_T[best].mean())
            rows.append(Ranked(first, precision, float(true_T.mean()), len(feats_TD), query in unseen))
    return rows


def shown_each_second(script: Script, count: int) -> np.ndarray:
    """int [T, A]: the attributes on screen at each whole second."""
    return np.array([attributes(script.scene_at(second).moment) for second in range(count)])


def asked_by(query: str) -> tuple[int, ...]:
    """The A attributes that a caption, or a part of one, asks for."""
    place = next((place for place in PLACES if place.look in query), None)
    rest = set(re.findall(r"\w+", query.replace(place.look, "") if place else query))

    def named(words: tuple[str, ...]) -> int:
        return next((i for i, word in enumerate(words) if word in rest), ANY)

    at = PLACES.index(place) if place else ANY
    return (named(COLOUR_WORDS), named(SHAPES), named(ITEMS), at, ANY)


def one_attribute_wrong(moment: Moment) -> dict[str, list[Moment]]:
    """All 32 moments that differ from this one in one attribute that has words, by attribute."""
    look = moment.look
    return {
        "colour": [moment.but(look=Look(i, look.shape)) for i in range(len(COLOUR_WORDS)) if i != look.colour],
        "shape": [moment.but(look=Look(look.colour, i)) for i in range(len(SHAPES)) if i != look.shape],
        "item": [moment.but(item=i) for i in range(len(ITEMS)) if i != moment.item],
        "place": [moment.but(place=i) for i in range(len(PLACES)) if i != moment.place],
    }


def decoy_figures(clip: Clip, pictures: int) -> dict[str, float]:
    """Share of pictures whose caption beats all decoys, and all decoys of each attribute alone."""
    rng = np.random.default_rng(DECOY_SEED)
    moments = [random_moment(rng) for _ in range(pictures)]
    shown = np.stack([draw(moment, pose_in_shot(rng), clip.size) for moment in moments])
    feats_ND = np.concatenate(list(clip.encode_batches(np.array_split(shown, -(-pictures // 128)))))
    wins = {name: [] for name in (*ATTRIBUTES[:4], "first")}
    for moment, feat_D in zip(moments, feats_ND, strict=True):
        groups = one_attribute_wrong(moment)
        texts = [caption(moment)] + [caption(decoy) for group in groups.values() for decoy in group]
        scores = similarity(clip.encode_texts(texts), feat_D[None])[:, 0]
        start = 1
        for name, group in groups.items():
            wins[name].append(scores[0] > scores[start : start + len(group)].max())
            start += len(group)
        wins["first"].append(scores[0] > scores[1:].max())
    return {"pictures": pictures, **{name: round(float(np.mean(hits)), 3) for name, hits in wins.items()}}
