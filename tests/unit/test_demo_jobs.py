"""What the page runs: all steps, a new search with edited queries, a comparison."""

from dataclasses import replace

import numpy as np
import pytest

from demo.files.open_video import open_isolated
from demo.jobs.answer_store import StoredAnswer
from demo.jobs.feature_cache import MemoryFeatureCache
from demo.jobs.pipeline_jobs import answer_events, compare_events, search_events
from demo.jobs.request import ColumnSetup, QuestionRequest
from demo.jobs.request_checks import checked_queries
from demo.jobs.selector_choices import offered_selectors, selector_choices
from demo.limits import Limits
from demo.ui.comparison_form import checked_columns
from demo.views.comparison_table import agrees, comparison_table
from msjoe.cache import FeatureKey
from msjoe.errors import QuestionError, UserError, VideoError
from msjoe.selectors import build_selector
from msjoe.selectors.base import ScoreSet

QUESTION = "Where did most of the video take place?"
OPTIONS = ["the harbour", "the desert", "the castle"]


@pytest.fixture(scope="module")
def asked(film) -> QuestionRequest:
    return QuestionRequest(str(film[1]), QUESTION, OPTIONS, 4)


@pytest.fixture(scope="module")
def kept(models, asked) -> StoredAnswer:
    *_, last = answer_events(models, asked)
    return StoredAnswer(last.trace, asked.video)


class NoFrames:
    """A CLIP that reads texts, and fails where a frame is put in."""

    def __init__(self, clip) -> None:
        for name in ("id", "size", "width", "autocast", "encode_texts"):
            setattr(self, name, getattr(clip, name))

    def encode_batches(self, batches):
        raise AssertionError("frames were put into CLIP again")


class NoReasoning:
    """An MLLM that answers, and fails where it is asked for queries."""

    def __init__(self, mllm) -> None:
        self.__dict__.update(
            mllm=mllm, id=mllm.id, answer=mllm.answer, check_answer=mllm.check_answer, tier_pixels=mllm.tier_pixels
        )
        self.preview_count = mllm.preview_count  # a setting, no reasoning
        self.interrupted = mllm.interrupted

    def reason(self, *_, **__):
        raise AssertionError("step 1 was asked again")


def test_edited_queries_start_at_step_2_without_a_look_at_the_frames(models, asked, kept):
    bare = replace(models, clip=NoFrames(models.clip), mllm=NoReasoning(models.mllm))
    events = list(search_events(bare, asked, kept, ["a red star", "blue waves"]))
    assert list(dict.fromkeys(event.step for event in events)) == ["similarity", "choice", "answer", "done"]
    trace = events[-1].trace
    assert trace.queries == ["a red star", "blue waves"]
    assert trace.queries_from == "edited"
    assert trace.sim_QT.shape == (2, 60)
    assert trace.query_reply == kept.trace.query_reply
    assert any("cache" in note for note in trace.notes)
    assert kept.trace.queries_from != "edited"  # the first answer stays as it was


def test_the_same_queries_again_give_the_same_answer(models, asked, kept):
    *_, last = search_events(models, asked, kept, list(kept.trace.queries))
    assert last.trace.chosen_times == kept.trace.chosen_times
    assert last.trace.answer_reply == kept.trace.answer_reply
    assert last.trace.queries_from == kept.trace.queries_from


def test_a_new_search_takes_the_selector_and_the_budget_of_the_settings(models, asked, kept):
    *_, last = search_events(models, replace(asked, selector="uniform", budget=6), kept, ["blue waves"])
    assert last.trace.chosen_times == [0, 11, 23, 35, 47, 59]
    assert last.trace.models["selector"] == "uniform"
    assert last.trace.settings["budget"] == 6
    assert last.trace.settings["previews"] == len(kept.trace.preview_times) == 2


@pytest.mark.parametrize(("queries", "says"), [([], "0 queries"), (["a"] * 5, "5 queries"), (["x" * 301], "shorten")])
def test_queries_that_cannot_be_searched_get_a_message(queries, says):
    with pytest.raises(QuestionError, match=says):
        checked_queries(Limits(), queries)


def test_an_answer_without_its_video_says_what_to_do(models, asked, kept):
    with pytest.raises(QuestionError, match="upload it"):
        list(search_events(models, asked, StoredAnswer(kept.trace), ["blue waves"]))
    with pytest.raises(QuestionError, match="no longer kept"):
        list(search_events(models, asked, None, ["blue waves"]))


def test_a_longer_video_than_is_taken_gets_a_message(models, asked):
    with pytest.raises(VideoError, match="--max-minutes"):
        next(answer_events(models, replace(asked, max_minutes=0.5)))


def test_a_negative_seed_gets_a_message(models, asked):
    with pytest.raises(UserError, match="seed is -1"):
        next(answer_events(models, replace(asked, seed=-1)))


def test_a_comparison_goes_on_from_the_kept_answer(models, asked, kept):
    bare = replace(models, clip=NoFrames(models.clip), mllm=NoReasoning(models.mllm))
    arms = [ColumnSetup("uniform", 4), ColumnSetup("", 4), ColumnSetup("topk", 6)]
    done = {e.column: e.event.trace for e in compare_events(bare, asked, kept, arms) if e.event.step == "done"}
    assert [done[i].models["selector"] for i in range(3)] == ["uniform", "standin", "topk"]
    assert done[0].chosen_times == [0, 19, 39, 59]
    assert done[1].chosen_times == kept.trace.chosen_times
    assert done[1].answer_reply == kept.trace.answer_reply
    assert len(done[2].chosen_times) == 6
    assert all(trace.queries == kept.trace.queries for trace in done.values())


def test_a_comparison_of_another_question_asks_for_queries_first(models, asked, kept):
    other = replace(asked, question="What was shown first?")
    events = list(compare_events(models, other, kept, [ColumnSetup("uniform", 4), ColumnSetup("topk", 4)]))
    assert [e.event.step for e in events if e.column is None][-1] == "queries"
    assert events[-1].event.trace.question == "What was shown first?"


def test_arms_put_uniform_first_and_refuse_what_is_no_comparison():
    assert checked_columns(["topk", ""], [8, 4]) == [
        ColumnSetup("uniform", 4),
        ColumnSetup("topk", 4),
        ColumnSetup("", 4),
        ColumnSetup("uniform", 8),
        ColumnSetup("topk", 8),
        ColumnSetup("", 8),
    ]
    for selectors, budgets, says in (
        ([], [8], "nothing to compare"),
        (["no such rule"], [8], "nothing to compare"),
        (["topk"], [], "no budget"),
        (["topk"], [4000], "budget is 4000"),
        (["topk", "random", ""], [4, 8], "6 or fewer"),
    ):
        with pytest.raises(QuestionError, match=says):
            checked_columns(selectors, budgets)


def test_the_table_marks_agreement_and_puts_frames_on_the_axis(kept):
    reference = replace(kept.trace, answer="A", chosen_times=[0.0, 30.0], keyframes=kept.trace.keyframes[:2])
    other = replace(reference, answer="B", chosen_times=[30.0, 59.9])
    assert agrees(reference, replace(reference))
    assert not agrees(reference, other)
    html = comparison_table([ColumnSetup("uniform", 2), ColumnSetup("topk", 2)], [reference, other])
    assert "the reference" in html
    assert "≠ unlike uniform" in html
    assert html.count("data-seek") == 4
    assert html.count('class="shared"') == 1  # 30 s, which uniform has too
    rows = html.split("<tbody>")[1].split("<tr>")[1:]
    assert len(rows) == 12
    assert "data-seek" in rows[0]
    assert rows[6].count('data-seek="30.00"') == 2  # 30 s is the start of part 6 of 12
    assert 'data-seek="59.90"' in rows[11]


def test_every_rule_on_offer_can_be_built_and_chooses():
    rng = np.random.default_rng(0)
    scores = ScoreSet(
        rng.uniform(-1, 1, (2, 40)).astype(np.float32),
        np.arange(40, dtype=np.float32),
        rng.normal(size=(40, 8)).astype(np.float32),
        rng.normal(size=(2, 8)).astype(np.float32),
    )
    assert {"uniform", "random", "topk", "standin"} <= set(offered_selectors())
    assert {"mdp3_repaired", "gift_repaired", "dig_style_repaired"} <= set(offered_selectors())
    assert not {"mdp3", "gift", "dig_style", "focus", "focus_repaired"} & set(offered_selectors())
    assert selector_choices()[0] == ("the app's default", "")
    for name in offered_selectors():
        try:
            assert build_selector(name).select(scores, 4, np.random.default_rng(0)).indices.max(initial=0) < 40
        except UserError as error:
            pytest.fail(f"{name}: {error}")


def test_the_cache_in_memory_is_bounded():
    cache = MemoryFeatureCache(max_bytes=100)
    one, two = np.zeros((2, 5), np.float32), np.ones((2, 5), np.float32)  # 40 bytes each
    a, b, c, d = (FeatureKey(video, "clip", 1.0, "float32", 2, 5) for video in "abcd")
    cache.put(a, one)
    cache.put(b, two)
    assert cache.get(a) is one
    cache.put(c, one)
    assert cache.get(b) is None  # the least recently used
    assert cache.get(a) is one
    cache.put(d, np.zeros(1000, np.float32))
    assert cache.get(d) is None


def test_a_reply_ends_where_it_is_interrupted(models, asked, monkeypatch):
    unstoppable = lambda video, *_: open_isolated(video, 60)  # noqa: E731  interrupted() would stop the decoder too
    monkeypatch.setattr("demo.jobs.pipeline_jobs.open_isolated", unstoppable)
    monkeypatch.setattr(models.mllm, "interrupted", lambda: True)
    *_, last = answer_events(models, replace(asked, options=[]))
    assert last.trace.tokens["queries"]["new"] == last.trace.tokens["answer"]["new"] == 1
