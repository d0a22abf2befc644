"""First leak tests: what the words alone, or the layout alone, tell about the answer is nothing."""

import math
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np
import pytest

from msjoe.reel.script.records import TRACKS
from msjoe.reel.script.write_script import make_script
from msjoe.reel.vocabulary import CHARACTERS

QUESTIONS = 20_000


def facts_of(track: str, seed: int) -> tuple[list, list, list]:
    """Questions, and (position, length, light) of evidence scenes and of all scenes."""
    script = make_script("test", track, 10_000 + seed)
    evidence = {start for q in script.questions for start, _ in q.evidence}
    rows = [(s.start, ((s.start + s.end) / 2 / script.duration, s.end - s.start, s.pose.light)) for s in script.scenes]
    questions = [(q.track, q.template, q.text, q.options, q.answer) for q in script.questions]
    return questions, [row for start, row in rows if start in evidence], [row for _, row in rows]


@pytest.fixture(scope="module")
def world():
    """Track -> (questions, evidence rows, all rows), 20,000 questions over the four tracks."""
    facts = {}
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for track in TRACKS:
            questions, evidence, scenes = [], [], []
            for q, e, s in pool.map(partial(facts_of, track), range(QUESTIONS // 4 // 4), chunksize=25):
                questions += q
                evidence += e
                scenes += s
            facts[track] = (questions[: QUESTIONS // 4], np.array(evidence), np.array(scenes))
    return facts


def features(question, i: int) -> list[tuple]:
    _, template, text, options, _ = question
    letter, option, count = "ABCDE"[i], options[i], len(options)
    words = text.rstrip("?").lower().split()
    people = tuple(w for w in words if w in CHARACTERS)
    return [
        ("letter", letter, count),
        ("template", template, letter, count),
        ("option", option),
        ("option in template", template, option),
        ("characters", people, option),
        ("characters and letter", people, letter),
        ("length", template, len(option) - len(min(options, key=len))),
        *[("word", w, option) for w in words],
    ]


def guess(counts: dict, question) -> int:
    """The option with the highest sum of log-odds over its features, naive Bayes by counting."""
    scores = []
    for i in range(len(question[3])):
        odds = [(counts["right"][f] + 1) / (counts["all"][f] + 4.5) for f in features(question, i)]
        scores.append(sum(map(math.log, odds)))
    return int(np.argmax(scores))


@pytest.mark.slow
def test_a_counting_guesser_on_text_is_at_chance(world):
    questions = [q for track in TRACKS for q in world[track][0]]
    assert len(questions) == QUESTIONS
    learn, check = questions[::2], questions[1::2]
    counts = {"right": Counter(), "all": Counter()}
    for question in learn:
        for i in range(len(question[3])):
            counts["all"].update(features(question, i))
            if "ABCDE"[i] == question[4]:
                counts["right"].update(features(question, i))
    for track in TRACKS:
        mine = [q for q in check if q[0] == track]
        right = np.mean(["ABCDE"[guess(counts, q)] == q[4] for q in mine])
        chance = np.mean([1 / len(q[3]) for q in mine])
        assert abs(right - chance) < 3.5 * math.sqrt(0.25 * 0.75 / len(mine)), (track, right, chance)


@pytest.mark.slow
def test_letters_are_balanced(world):
    for track in TRACKS:
        for count in (4, 5):
            letters = Counter(q[4] for q in world[track][0] if len(q[3]) == count)
            total = sum(letters.values())
            for share in letters.values():
                assert abs(share / total - 1 / count) < 4 * math.sqrt(0.2 / total)


@pytest.mark.parametrize("track", ["needle", "order", "multi"])
def test_nobody_and_no_item_comes_back_within_two_shots(track):
    for seed in range(12):
        moments = [scene.moment for scene in make_script("test", track, seed).scenes]
        for apart in (1, 2):
            for one, other in zip(moments, moments[apart:], strict=False):
                assert one.who != other.who
                assert one.item != other.item


@pytest.mark.slow
@pytest.mark.parametrize("track", ["needle", "order", "multi"])
@pytest.mark.parametrize(("column", "what"), [(0, "position"), (1, "length"), (2, "brightness")])
def test_evidence_is_distributed_as_any_scene(world, track, column, what):
    _, evidence, scenes = world[track]
    a, b = np.sort(evidence[:, column]), np.sort(scenes[:, column])
    grid = np.concatenate([a, b])
    distance = np.abs(np.searchsorted(a, grid, "right") / len(a) - np.searchsorted(b, grid, "right") / len(b)).max()
    assert distance < 0.03, f"{what}: Kolmogorov-Smirnov distance {distance:.3f}"
