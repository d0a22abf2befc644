"""The stages of a check: which gate each belongs to, and how its work is cut into tasks for several processes."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, compress

from msjoe.clip import similarity
from msjoe.errors import UserError
from msjoe.evaluation.footage import Footage
from msjoe.reel.script.records import SPLIT_VIDEOS, TRACKS
from msjoe.reel.script.write_script import make_script
from msjoe.reel.source import ReelSource
from msjoe.reel_audit.check_sizes import CheckSizes
from msjoe.reel_audit.gates.answer_gates import answer_gates, file_gates
from msjoe.reel_audit.gates.black_frames import BlindAnswer, answer_blind, black_gates
from msjoe.reel_audit.gates.evidence_layout import layout_gates
from msjoe.reel_audit.gates.gate import Gate
from msjoe.reel_audit.gates.scene_facts import BEYOND, SPREAD, EvidenceLayout, layouts
from msjoe.reel_audit.gates.text_guessers import WordedQuestion, text_gates
from msjoe.reel_audit.gates.unet_prior import (
    BUDGET,
    FOUND,
    MOST,
    STAGE,
    MatrixQuestion,
    Shuffled,
    compare,
    constant,
    found_gate,
    late,
    plain,
    planted_worth,
    train,
)
from msjoe.reel_audit.gates.video_answers import (
    AuditModels,
    VideoTask,
    answer_drawn_and_filed,
    answer_video,
    models_of,
    tasks_of,
)
from msjoe.reel_audit.run_check import AuditRun, GateStage

ASKED_AT_ONCE = 160  # questions with black frames in a task
PLANTED = "order"  # the track with the planted prior
SHUFFLES = 4  # of each held-out matrix


def text(check: AuditRun) -> list[Gate]:
    return text_gates(check.questions, check.mapped("text"))


def black(check: AuditRun) -> list[Gate]:
    each = check.sizes.black // len(TRACKS)
    questions = [question for found in check.facts.values() for question in found.questions[:each]]
    starts = range(0, len(questions), ASKED_AT_ONCE)
    tasks = {str(start): (check.setup, questions[start : start + ASKED_AT_ONCE]) for start in starts}
    replies = chain.from_iterable(check.do("black", black_task, tasks))
    return black_gates(questions, [BlindAnswer(*reply) for reply in replies])


def black_task(given: tuple[AuditModels, Sequence[WordedQuestion]]) -> list[tuple]:
    setup, questions = given
    return [(said.likeliest, said.letter) for said in answer_blind(models_of(setup).mllm, questions)]


def layout(check: AuditRun) -> list[Gate]:
    return layout_gates(check.facts)


def constant_matrices(check: AuditRun) -> list[Gate]:
    """A U-Net for each track on half of its videos, judged on the other half; and one with a planted prior."""
    tasks = {track: (check.facts[track].layouts, False, check.sizes.steps) for track in SPREAD}
    tasks["planted"] = (check.facts[PLANTED].layouts, True, check.sizes.steps)
    *found, planted = check.do("constant", constant_task, tasks)
    worth = planted_worth(halves(check.facts[PLANTED].layouts, planted=True)[1])
    name = f"U-Net minus uniform, evidence in {BUDGET} frames, constant matrices"
    return [
        *(found_gate(f"{name}, {track}", f, at_most=MOST) for track, f in zip(SPREAD, found, strict=True)),
        found_gate(f"{name}, {PLANTED} with a planted prior", planted, at_least=FOUND),
        found_gate(f"the planted density minus uniform, evidence in {BUDGET} frames, {PLANTED}", worth),
    ]


def constant_task(given: tuple[Sequence[EvidenceLayout], bool, int]) -> dict[str, list]:
    layouts_of, planted, steps = given
    learn, check = halves(layouts_of, planted)
    return compare(train(learn, plain, replace(STAGE, steps=steps)), check, plain)


def halves(layouts_of: Sequence[EvidenceLayout], planted: bool) -> tuple[list[MatrixQuestion], list[MatrixQuestion]]:
    """Questions to learn from, and questions to judge by."""
    cases = [constant(one) for one in layouts_of]
    learn, check = cases[: len(cases) // 2], cases[len(cases) // 2 :]
    return (late(learn, 1), late(check, 2)) if planted else (learn, check)


def shuffled_matrices(check: AuditRun) -> list[Gate]:
    """One U-Net for all tracks, trained on videos outside the splits and judged on the validation split."""
    learn = [VideoTask(check.setup, "test", t, BEYOND + i) for t in SPREAD for i in range(check.sizes.matrices)]
    held = tasks_of(check.setup, "validation", check.sizes.videos, SPREAD)
    check.do("features", features_task, {f"{task.split} {task.name}": task for task in (*learn, *held)})
    (found,) = check.do("shuffled", shuffled_task, {"all": (learn, held, check.sizes.steps)})
    name = f"U-Net minus uniform, evidence in {BUDGET} frames, shuffled matrices"
    by_track = [found_gate(f"{name}, {track}", _of_track(found, track)) for track in SPREAD]
    return [found_gate(name, found, by_track=True, at_most=MOST), *by_track]


def _of_track(found: dict[str, list], track: str) -> dict[str, list]:
    kept = [video.startswith(track) for video in found["video"]]
    return {name: list(compress(column, kept)) for name, column in found.items()}


def shuffled_task(given: tuple[Sequence[VideoTask], Sequence[VideoTask], int]) -> dict[str, list]:
    learn, held, steps = given
    sampler = train([case for task in learn for case in cases_of(task)], Shuffled(1), replace(STAGE, steps=steps))
    return compare(sampler, [case for task in held for case in cases_of(task)], Shuffled(2), SHUFFLES)


def features_task(task: VideoTask) -> int:
    """Fill the feature cache; returns the number of frames."""
    return len(_footage(task).feats_TD)


def cases_of(task: VideoTask) -> list[MatrixQuestion]:
    """A video's questions with the similarity of their ideal queries."""
    script, footage = make_script(task.split, task.track, task.seed), _footage(task)
    sims = (similarity(footage.text_QD(q.ideal_queries), footage.feats_TD) for q in script.questions)
    return [MatrixQuestion(one, sim_QT) for one, sim_QT in zip(layouts(script), sims, strict=True)]


def _footage(task: VideoTask) -> Footage:
    return Footage(ReelSource(make_script(task.split, task.track, task.seed)), models_of(task.setup), 1.0)


def check_sizes(sizes: CheckSizes) -> None:
    """Raises UserError for more videos than a split has."""
    for flag, asked, split in (("videos", sizes.videos, "validation"), ("files", sizes.files, "test")):
        if asked > SPLIT_VIDEOS[split]:
            raise UserError(f"--{flag} is {asked}: the {split} split has {SPLIT_VIDEOS[split]} videos a track")


def _survey(number: int) -> GateStage:
    """A stage for gate ``number``; the gates 3 to 7 share one set of answers."""

    def stage(check: AuditRun) -> list[Gate]:
        tasks = tasks_of(check.setup, "validation", check.sizes.videos)
        rows = chain.from_iterable(check.do("survey", answer_video, {task.name: task for task in tasks}))
        return answer_gates(number, list(rows))

    return stage


def files(check: AuditRun) -> list[Gate]:
    tasks = tasks_of(check.setup, "test", check.sizes.files)
    pairs = check.do("files", answer_drawn_and_filed, {task.name: task for task in tasks})
    drawn, filed = (list(chain.from_iterable(side)) for side in zip(*pairs, strict=True))
    return file_gates(drawn, filed)


# In the order in which they run. A name begins with the gate's number.
STAGES: dict[str, GateStage] = {
    "1 text": text,
    "2 layout": layout,
    "2 constant": constant_matrices,
    "1 black": black,
    **{f"{number} survey": _survey(number) for number in (3, 4, 5, 6, 7)},
    "2 shuffled": shuffled_matrices,
    "8 files": files,
}
FAST = ("1 text", "2 layout")  # scripts alone, no model: under two minutes on two cores
