"""Documents of real tasks as questions, and what scorers make of an answer that is missing."""

import sys
from types import SimpleNamespace

import pytest
from lmms_eval.tasks.lvbench.utils import lvbench_process_results
from lmms_eval.tasks.mlvu.utils import mlvu_process_results
from lmms_eval.tasks.videomme.utils import videomme_process_results

from msjoe.errors import UserError, VideoError
from msjoe.lmms.arguments import ModelArgs
from msjoe.lmms.model import EMPTY, _Run
from msjoe.lmms.questions import posed, prompt_options

DIRECTLY = "\nAnswer with the option's letter from the given choices directly."
LETTERED = "Who waves?\nA. a child\nB. a guide" + DIRECTLY
EMBEDDED = "Who waves?\n(A) a child\n(B) a guide"


def messages(prompt: str, *media: tuple[str, object]) -> list[dict]:
    shown = [{"type": kind, "url": url} for kind, url in media or [("video", "/films/a.mkv")]]
    return [{"role": "user", "content": [*shown, {"type": "text", "text": prompt}]}]


@pytest.mark.parametrize(
    ("doc", "prompt"),
    [
        ({"question": "Who waves?", "options": ["A. a child", "B. a guide"], "question_id": "7"}, LETTERED),
        ({"question": "Who waves?", "option0": "a child", "option1": "a guide", "option2": "N/A", "id": "7"}, LETTERED),
        ({"question": EMBEDDED, "uid": 7}, EMBEDDED + "\nAnswer the question with the option letter"),
        ({"question": EMBEDDED + "\n", "candidates": ["a child", "a guide"], "question_id": "7"}, EMBEDDED + "\n"),
        ({"question": "Who waves?", "first": "a child", "second": "a guide", "id": "7"}, LETTERED),
        ({"text": "Who waves?", "id": "7"}, LETTERED),
    ],
    ids=["videomme", "longvideobench", "lvbench", "mlvu", "options in the prompt", "all in the prompt"],
)
def test_documents_of_every_form_are_read_alike(doc, prompt):
    asked = posed(doc | {"answer": "B", "correct_choice": 1}, messages(prompt), "task", 6)
    assert (asked.record.id, asked.record.question, asked.record.options) == ("7", "Who waves?", ("a child", "a guide"))
    assert (asked.prompt, asked.path, asked.record.answer) == (prompt, "/films/a.mkv", "")


def test_a_prompt_without_letters_makes_an_open_question():
    prompt = "Who waves, a child or a guide? Answer with yes or no."
    asked = posed({"question": "Who waves?", "options": ["yes", "no"]}, messages(prompt), "task", 6)
    assert (asked.record.id, asked.record.question, asked.record.options) == ("7", prompt, ())
    assert prompt_options("A. Einstein said what?") == ("A. Einstein said what?", ())


@pytest.mark.parametrize(
    "media", [(("image", object()),), (("video", "a.mp4"), ("video", "b.mp4")), (("video", {"video_start": 3}),)]
)
def test_what_is_not_one_whole_video_is_refused(media):
    with pytest.raises(UserError, match="document 3 of the task t shows"):
        posed({"question": "Who?"}, messages("Who?", *media), "t", 3)


def test_a_missing_answer_is_wrong_to_scorers_whatever_is_right():
    for letter in "ABCD":
        doc = {"answer": letter, "task_type": "t", "question_id": "1", "videoID": "v", "duration": "long"}
        doc |= {"domain": "d", "sub_category": "s", "question": "q", "uid": "1"}
        assert videomme_process_results(doc, [EMPTY])["videomme_perception_score"]["pred_answer"] != letter
        assert lvbench_process_results(doc, [EMPTY])["lvbench_score"] == 0
        assert mlvu_process_results(doc, [EMPTY])["mlvu_percetion_score"]["pred_answer"] != letter


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"budget": "many"}, "budget is 'many': give a whole number"),
        ({"budget": 0}, "the budget is 0 frames"),
        ({"load_in_4bit": 1}, "load_in_4bit is 1: give true or false"),
        ({"queries": "mine"}, "choose from own, question"),
        ({"wording": "loud"}, "wording is 'loud'"),
        ({"max_failed": 2}, "max_failed is 2.0"),
        ({"clip": "ViT-L-14:openai"}, "without --mllm"),
        ({"pretrained": "x"}, "no model argument 'pretrained'"),
    ],
)
def test_arguments_are_checked(given, said):
    with pytest.raises(UserError, match=said):
        ModelArgs.read(given).plan()


def test_arguments_have_the_defaults_of_the_shell():
    args = ModelArgs.read({"dense_fps": 2, "previews": 3})
    assert (args.dense_fps, args.plan().settings(8, "").previews, args.budget) == (2.0, 3, 8)
    (arm,) = args.plan().arms()
    assert arm.name == "msjoe/own/8"


def test_missing_videos_are_a_share_of_all_and_not_of_those_tried_first():
    """Ten missing ones at the head of a list of thirty do not stop a run; twenty do, before anything is decoded."""
    docs = [{"question": "Who waves?", "videoID": f"{i}", "question_id": f"{i}"} for i in range(30)]

    def run_without(missing: int) -> _Run:
        def doc_to_messages(doc):
            if int(doc["videoID"]) < missing:
                sys.exit(f"video path:{doc['videoID']}.mp4 does not exist, please check")
            return messages(LETTERED, ("video", f"/films/{doc['videoID']}.mp4"))

        model = SimpleNamespace(args=ModelArgs(), task_dict={"t": {"test": docs}})
        return _Run(model, [SimpleNamespace(args=("", doc_to_messages, {}, i, "t", "test")) for i in range(30)])

    run = run_without(10)
    assert (len(run._questions()), len(run.failed), len(run.missing.videos)) == (20, 10, 10)
    with pytest.raises(VideoError, match="20 of 30 videos failed"):
        run_without(20)._questions()
