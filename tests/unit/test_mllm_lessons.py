"""What the miniature MLLM is asked in training, and where in the frames it is told to look."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from msjoe.miniature.mllm.attention_loss import pointing_loss
from msjoe.miniature.mllm.model import build_tokenizer
from msjoe.miniature.mllm.samples.branches import TURN, answer_branch, encode
from msjoe.miniature.mllm.samples.frame_questions import _looks, ask
from msjoe.miniature.mllm.samples.frame_sets import HIDDEN, Frame, FrameSet, random_frames, random_script
from msjoe.miniature.mllm.samples.lookups import find, hop, look_words
from msjoe.miniature.mllm.samples.packing import collate
from msjoe.miniature.mllm.samples.training_mix import choice_branch, copy_branch, costume_points
from msjoe.reel.moments import Look, Moment
from msjoe.reel.script.question_plan import QuestionPlan
from msjoe.reel.vocabulary import CHARACTERS, ITEMS


def scene(who: int, place: int, item: int, look: Look = Look(0, 0)) -> Frame:
    return Frame(10.0, Moment(place, who, look, item, 0), None)


def a_frame_set(*frames: Frame) -> FrameSet:
    cast = {frame.moment.who: frame.moment.look for frame in frames}
    return FrameSet(frames, 112, replace(random_script(np.random.default_rng(0)), cast=cast))


def test_the_option_to_look_at_holds_the_word_that_comes_next():
    words = build_tokenizer()
    for options in (("cup", "key"), ("the harbour", "the blue waves"), ("1", "2", "3")):
        reply = options[-1]
        branch = answer_branch("choice", "Who?", options, reply)
        prompt = encode(branch.prompt)
        said = [(words.decode(encode(reply)[i]), words.decode(prompt[place])) for i, place in branch.copied]
        assert len(said) == len(encode(reply))
        assert all(one.strip() == other.strip() for one, other in said)
        end = branch.prompt.index(f". {reply}") + len(f". {reply}")
        assert branch.copied[-1][1] == len(encode(branch.prompt[:end])) - 1
    assert answer_branch("open", "Who?", (), "key").copied == ()


def test_what_was_never_held_is_looked_up_option_by_option():
    """The reply has no frame to look at; each option has those that rule it out."""
    frame_set = a_frame_set(*(scene(0, 0, item) for item in (1, 4, 6)), scene(1, 2, 8), scene(2, 3, 9))
    frame_set = replace(
        frame_set, script=replace(frame_set.script, cast={who: Look(who, 0) for who in range(len(CHARACTERS))})
    )
    rng, words, found = np.random.default_rng(0), build_tokenizer(), 0
    for _ in range(400):
        asked = ask(rng, frame_set)
        if "never" not in asked.text:
            assert asked.option_looks == ()
            continue
        found += 1
        branch = choice_branch("choice", asked)
        prompt = encode(branch.prompt + TURN)
        told = {words.decode(prompt[len(prompt) - 1 + place]).strip(): frames for place, frames, _ in branch.points}
        assert told == {ITEMS[1]: (0,), ITEMS[4]: (1,), ITEMS[6]: (2,)}
        assert asked.options[asked.right] in (ITEMS[8], ITEMS[9])
    assert found > 10


def test_a_hop_goes_from_a_moment_shown_once_to_the_nearest_of_another():
    frame_set = a_frame_set(scene(0, 0, 0), scene(1, 1, 1), scene(2, 2, 2), scene(1, 3, 3), scene(2, 4, 4))
    rng, found = np.random.default_rng(0), set()
    for _ in range(300):
        one = hop(rng, frame_set)
        if one is None:
            continue
        text, reply, ((anchor,), (target,)) = one
        attribute = text.removeprefix("Which ").split(",")[0]
        assert look_words(frame_set.frames[target].moment, attribute) == reply
        beside = ", next after " in text or ", last before " in text
        between = frame_set.frames[min(anchor, target) + 1 : max(anchor, target)]
        assert ", after " in text or ", before " in text or beside
        assert (target > anchor) == ("after " in text)
        assert not beside or abs(target - anchor) == 1
        assert frame_set.frames[target].moment.who not in {frame.moment.who for frame in between}
        found.add((anchor, target))
    assert {(0, 1), (0, 2), (4, 3), (1, 2), (1, 0)} <= found


def test_nothing_is_asked_about_a_mark_that_no_picture_shows():
    rng = np.random.default_rng(3)
    frame_set = random_frames(rng, 6, 112)
    hidden = FrameSet(
        tuple(replace(f, moment=f.moment.but(mark=HIDDEN)) for f in frame_set.frames), 112, frame_set.script
    )
    facing = FrameSet(
        tuple(replace(f, moment=f.moment.but(mark=i)) for i, f in enumerate(frame_set.frames)), 112, frame_set.script
    )
    assert not [one.text for one in (ask(rng, hidden) for _ in range(150)) if "mark" in one.text]
    assert [one.text for one in (ask(rng, facing) for _ in range(150)) if "mark" in one.text]
    assert not [text for text, _, _ in (find(rng, hidden) for _ in range(60)) if "mark" in text]
    assert not [one[0] for one in (hop(rng, hidden) for _ in range(60)) if one and "mark" in one[0]]


def test_a_show_tells_the_mark_where_its_plate_faces_us():
    rng = np.random.default_rng(4)
    frames = [frame for _ in range(20) for frame in random_frames(rng, 8, 112).frames]
    assert all((frame.moment.mark == HIDDEN) == frame.pose.turned for frame in frames)
    assert 0.2 < np.mean([frame.pose.turned for frame in frames]) < 0.55


def test_pointing_loss_by_hand():
    logs = torch.tensor([[[0.5, 0.25, 0.25], [0.2, 0.3, 0.5]]]).log()
    wanted = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    loss, found = pointing_loss(logs, wanted)
    expected = (np.log(2) - 0.5 * (np.log(0.3) + np.log(0.5))) / 2
    assert loss.item() == pytest.approx(expected)
    assert found == pytest.approx((0.5 + 0.8) / 2)


def test_an_order_question_looks_at_the_anchor_and_then_at_the_next():
    moments = [f.moment for f in (scene(1, 0, 0), scene(0, 3, 1), scene(1, 2, 2), scene(1, 3, 4))]
    keys = [{"who": 0, "place": 3}, {"who": 1}]
    assert _looks(QuestionPlan("after", [], "item", 2, keys), moments) == (((1,), (2,)),)
    assert _looks(QuestionPlan("before", [], "item", 0, keys), moments) == (((1,), (0,)),)
    assert _looks(QuestionPlan("count", [], "number", 2, keys[1:]), moments) == (((0, 2, 3), (0, 2, 3)),)
    assert _looks(QuestionPlan("most", [], "place", 3), moments) == ()


def test_a_find_leaves_one_answer():
    frame_set = a_frame_set(scene(0, 0, 0), scene(0, 1, 2), scene(1, 0, 3))
    rng = np.random.default_rng(0)
    for _ in range(60):
        text, reply, frames = find(rng, frame_set)
        attribute = text.removeprefix("Which ").split(",")[0]
        assert frames
        assert {look_words(frame_set.frames[i].moment, attribute) for i in frames} == {reply}


def test_a_costume_in_a_query_points_at_the_previews_that_show_it():
    red_circle, blue_star = Look(0, 0), Look(5, 3)
    previews = a_frame_set(scene(0, 0, 0, red_circle), scene(1, 1, 1, blue_star), scene(0, 2, 2, red_circle))
    reply = "<queries>\nblue star with a key, pink bricks\nred circle\n</queries>"
    points = costume_points(reply, previews)
    tokens = build_tokenizer().convert_ids_to_tokens(encode(reply))
    words = {offset: tokens[offset].strip("ĠĊ") for offset, *_ in points}
    told = {words[offset]: first for offset, first, second in points if first == second}
    assert told == {"blue": (1,), "star": (1,), "red": (0, 2), "circle": (0, 2)}


def test_points_stand_before_the_tokens_they_are_for():
    frame_set = random_frames(np.random.default_rng(3), 3, 56)
    one = answer_branch("open", "What?", [], "key, cup", [((0,), (1,)), ((2,), (2,))])
    batch = collate([(frame_set, [copy_branch(np.random.default_rng(0)), one])])
    reply = encode("key, cup")
    assert batch.points.places_P.tolist() == sorted(batch.points.places_P.tolist())
    assert batch.targets_BL[0, batch.points.places_P].tolist() == [reply[0], reply[-1]]
    assert batch.points.wanted_2PK.tolist() == [[[1, 0, 0], [0, 0, 1]], [[0, 1, 0], [0, 0, 1]]]
    assert batch.ids_BL[0, batch.points.ends_BK[0]].tolist() == [*encode("<|vision_end|>")] * 3
    assert len(set(batch.points.ends_BK[0].tolist())) == 3
