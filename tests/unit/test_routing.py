"""The MLLM labels a question for the DIG-style rule: one more call, counted."""

from dataclasses import replace

import numpy as np
import pytest

from msjoe.evaluation.footage import Footage
from msjoe.mllm import Reply
from msjoe.pipeline import Settings, answer
from msjoe.reel.source import ReelSource
from msjoe.routing import UNREAD, ask_scope, read_label, routed
from msjoe.selectors import build_selector
from msjoe.trace import Trace
from tests.evaluation import evaluation, short_reel  # noqa: F401

OPTIONS = ["a tree", "a boat"]


@pytest.fixture
def replies(models, monkeypatch):
    """The MLLM's next replies to prompts without pictures; other prompts go to the model, which says little."""
    told = []
    real = models.mllm.answer

    def reply(batch, *how):
        if batch[0].frames:
            return real(batch, *how)
        return [Reply(told.pop(0), 0, 70, 2, batch[0].wording)]

    monkeypatch.setattr(models.mllm, "answer", reply)
    few = replace(models.mllm.templates, reason_new_tokens=4, answer_new_tokens=2)
    monkeypatch.setattr(models.mllm, "templates", few)
    return told


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("GLOBAL", "global"),
        ("Local.", "local"),
        ("It is a **local** question, not a global one", "local"),
        ("globally", None),
        ("", None),
    ],
)
def test_labels_are_read_from_replies(text, label):
    assert read_label(text) == label


def test_the_prompt_is_text_alone_and_its_tokens_are_counted(models):
    scope = ask_scope(models.mllm, "What is in {question} braces?")
    assert scope.reply.visual_tokens == 0
    assert scope.reply.prompt_tokens > 0
    assert "What is in {question} braces?" in scope.reply.prompt
    assert scope.seconds > 0


def test_rules_that_do_not_ask_cost_nothing():
    for rule in (build_selector("topk"), build_selector("dig_style"), build_selector("dig_style", label="global")):
        assert routed(Trace("What?"), rule, pytest.fail) is rule


@pytest.mark.parametrize(("said", "label"), [("GLOBAL", "global"), ("LOCAL", "local"), ("hm", "local")])
def test_the_pipeline_asks_once_and_books_it(models, film, replies, said, label):
    replies += [said]
    source, settings = ReelSource(film[0]), Settings(budget=4)
    asking = replace(models, selector=build_selector("dig_style_repaired", label="ask"))
    trace = answer(source, "What is it about?", OPTIONS, asking, settings)
    assert trace.tokens["routing"] == {"visual": 0, "prompt": 70, "new": 2}
    assert trace.seconds["routing"] >= 0
    assert (UNREAD in trace.notes) == (said == "hm")
    given = replace(models, selector=build_selector("dig_style_repaired", label=label))
    assert trace.indices == answer(source, "What is it about?", OPTIONS, given, settings).indices
    if label == "global":
        assert trace.indices == np.linspace(0, len(trace.times_T) - 1, 4).astype(int).tolist()


@pytest.mark.usefixtures("short_reel")
def test_an_evaluation_asks_once_for_a_question_and_charges_every_arm(tmp_path, models, replies):
    replies += ["GLOBAL"]
    made = evaluation(
        tmp_path, models, selectors=("dig_style?label=ask", "topk"), queries=("question",), budgets=(4, 8), limit=1
    )
    film = made.library.films[0]
    footage = Footage(made.library.open(film), models, 1.0)
    traces = made.choose(film.records[0], {}, footage)
    assert replies == []
    assert [trace.tokens.get("routing") for trace in traces] == [{"visual": 0, "prompt": 70, "new": 2}, None] * 2
    assert traces[0].indices == np.linspace(0, len(traces[0].times_T) - 1, 4).astype(int).tolist()
