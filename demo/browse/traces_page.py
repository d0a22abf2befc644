"""The page of ``python app.py --traces DIR``: saved Traces of a run, drawn as the page draws a fresh answer."""

from dataclasses import dataclass, fields
from html import escape
from pathlib import Path

import gradio as gr

from demo import views
from demo.archive import RESULTS, Archive, Entry, Filter
from demo.examples import Examples
from demo.inputs import player
from demo.limits import Limits
from demo.outputs import Outputs, all_of, blank, filled, html, progress_parts, result_parts
from demo.page import blocks
from demo.places import resolve_under
from demo.player import Player
from demo.playing import serve_file, unplayable
from demo.running import upload_fault
from demo.sharing import find_video
from demo.shelf import Kept
from demo.turns import take_turns, tell, turns
from msjoe.errors import UserError
from msjoe.trace import Trace

ANY = "any"
LEAD = "Saved answers: what the model looked for, where it found it, and what it said."
MOST_LISTED = 200
NO_VIDEO = "The video of this Trace is not here, so the times cannot be watched."


@dataclass(frozen=True)
class Filters:
    """The choices above the list, in the order of ``Filter``."""

    benchmark: gr.Dropdown
    track: gr.Dropdown
    result: gr.Dropdown
    selector: gr.Dropdown
    least_reward: gr.Textbox  # a number field tells 0 for an empty one

    def all(self) -> list:
        return [getattr(self, field.name) for field in fields(self)]


@dataclass(frozen=True)
class Shelves:
    """The rest of the left column."""

    count: gr.HTML
    back: gr.Button
    forth: gr.Button
    listed: gr.Dropdown
    facts: gr.HTML
    video: Player


def build(archive: Archive, examples: Examples, limits: Limits, root: Path | None) -> gr.Blocks:
    """``root``: where videos are looked for by the name that a Trace gives."""
    with blocks("MSJoE traces", limits, examples) as page:
        html(f"<header><h1>MSJoE</h1><p>{LEAD}</p></header>", elem_id="head")
        told = f"<b>{len(archive.entries):,} Traces</b> in {escape(archive.root.name)}. No model is loaded."
        html(f'<p class="state ready" role="status"><span class="dot"></span><span>{told}</span></p>', elem_id="status")
        with gr.Row(elem_id="columns", equal_height=False):
            with gr.Column(scale=5, min_width=320, elem_id="ask"):
                filters, shelves = _left_column(archive)
            with gr.Column(scale=7, min_width=320, elem_id="see"):
                outputs = result_parts(*progress_parts(), limits, again="")
        number = gr.State(None)  # of the entry on show
        _wire(page, archive, Finder(examples, root, page), filters, shelves, outputs, number)
    page.queue(api_open=False)
    return page


def _left_column(archive: Archive) -> tuple[Filters, Shelves]:
    with gr.Row(elem_id="filters"):
        benchmark = _choice("Benchmark", archive.values("benchmark"))
        track = _choice("Track", archive.values("track"))
        result = _choice("Result", [name for name in RESULTS if name in archive.values("result")])
        selector = _choice("Selector", archive.values("selector"))
        reward = gr.Textbox("", label="Reward at least", max_lines=1, min_width=130, elem_id="reward")
    with gr.Row(elem_id="steps"):
        back = gr.Button("← Previous", elem_id="back", min_width=90)
        forth = gr.Button("Next →", elem_id="forth", min_width=90)
    count = html("", elem_id="count")
    listed = gr.Dropdown([], label="Trace", elem_id="listed")
    facts = html("", elem_id="facts")
    video = player(None, sources=())
    return Filters(benchmark, track, result, selector, reward), Shelves(count, back, forth, listed, facts, video)


def _choice(label: str, values: list[str]) -> gr.Dropdown:
    return gr.Dropdown([ANY, *values], value=ANY, label=label, min_width=130, elem_id=f"by-{label.lower()}")


class Finder:
    """Finds the video of a Trace: a bundled one by its content, another by its name under the root."""

    def __init__(self, examples: Examples, root: Path | None, page: gr.Blocks) -> None:
        self.examples, self.root, self.page = examples, root, page

    def __call__(self, trace: Trace) -> str | None:
        bundled = find_video(trace, self.examples)
        if bundled or self.root is None or not trace.video:
            return bundled
        try:
            path = resolve_under(self.root, trace.video)
        except UserError:
            return None
        if upload_fault(str(path)) or unplayable(str(path)):
            return None
        serve_file(self.page, path)
        return str(path)


def _wire(
    page: gr.Blocks, archive: Archive, find: Finder, filters: Filters, shelves: Shelves, outputs: Outputs, number
) -> None:
    shown = [number, shelves.count, shelves.back, shelves.forth, shelves.listed, shelves.facts, shelves.video]
    shown += all_of(outputs)

    def show(wanted: int | None, found: list[int]) -> dict:
        """Updates that show entry ``wanted``, or the first one found."""
        if not found:
            return {
                number: None,
                shelves.count: '<p class="muted">No Trace fits: loosen a filter.</p>',
                shelves.back: gr.Button(interactive=False),
                shelves.forth: gr.Button(interactive=False),
                shelves.listed: gr.Dropdown(choices=[], value=None),
                shelves.facts: "",
                shelves.video: gr.Video(None, visible=False),
                **blank(outputs),
            }
        wanted = wanted if wanted in found else found[0]
        place = found.index(wanted)
        near = found[max(0, place - MOST_LISTED // 2) :][:MOST_LISTED]
        choices = [(_line(archive.entries[i]), i) for i in near]
        return {
            number: wanted,
            shelves.count: f'<p class="muted"><b>{place + 1}</b> of {len(found):,} that fit</p>',
            shelves.back: gr.Button(interactive=place > 0),
            shelves.forth: gr.Button(interactive=place + 1 < len(found)),
            shelves.listed: gr.Dropdown(choices=choices, value=wanted),
            **_drawn(archive, wanted, find, shelves, outputs),
        }

    def filtered(*values) -> list[int]:
        *names, reward = values
        return archive.found(Filter(*(None if name in (ANY, None) else name for name in names), _number(reward)))

    def narrow(value: None, current: int | None, *values) -> dict:
        return show(current, filtered(*values))

    def step(by: int, current: int | None, *values) -> dict:
        if by not in (-1, 1):
            raise UserError(f"this page has no step {str(by)[:20]}: reload it")
        found = filtered(*values)
        place = found.index(current) + by if current in found else 0
        return show(found[min(max(place, 0), len(found) - 1)] if found else None, found)

    def pick(picked: int | None, current: int | None, *values) -> dict:
        if picked == current:  # told again when the field is left
            return {}
        return show(picked, filtered(*values))

    line = turns()
    take_turns(line, {"narrow": narrow, "step": step, "pick": pick}, [number, *filters.all()], shown, outputs.notice)
    *menus, reward = filters.all()
    for event in (page.load, *(menu.input for menu in menus), reward.change):  # a pasted text is no "input"
        tell(event, "narrow")
    tell(shelves.back.click, "step", "-1")
    tell(shelves.forth.click, "step", "1")
    tell(shelves.listed.input, "pick", "values[0]", [shelves.listed])


def _drawn(archive: Archive, number: int, find: Finder, shelves: Shelves, outputs: Outputs) -> dict:
    entry = archive.entries[number]
    try:
        kept = archive.load(number)
    except UserError as e:
        return {
            **blank(outputs),
            outputs.notice: views.notice(str(e)),
            shelves.facts: _facts(entry, None, None),
            shelves.video: gr.Video(None, visible=False),
        }
    video = find(kept.trace)
    return {
        **filled(outputs, kept),
        shelves.facts: _facts(entry, kept, video),
        shelves.video: Player(video, visible=video is not None),
    }


def _number(text: str | None) -> float | None:
    """What was typed; None for nothing, or for what is no number."""
    try:
        return float(text or "")
    except ValueError:
        return None


def _line(entry: Entry) -> str:
    return f"{entry.name} · {entry.question}"[:110]


def _facts(entry: Entry, kept: Kept | None, video: str | None) -> str:
    """The question, its options with the answer and the truth marked, and what is known of the run."""
    pairs = [("Benchmark", entry.benchmark), ("Track", entry.track), ("Selector", entry.selector)]
    pairs += [("Result", entry.result)] + ([("Reward", f"{entry.reward:.3g}")] if entry.reward is not None else [])
    known = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in pairs)
    options = ""
    if kept:
        letters = ((chr(ord("A") + i), text) for i, text in enumerate(kept.trace.options))
        options = "".join(
            f"<li><b>{letter}</b> {escape(text)}{_marks(letter, entry, kept)}</li>" for letter, text in letters
        )
    missing = "" if video else f'<p class="muted">{NO_VIDEO}</p>'
    return (
        f'<section class="facts"><h2>{escape(entry.question)}</h2><ol class="said-options">{options}</ol>'
        f"<dl>{known}</dl>{missing}</section>"
    )


def _marks(letter: str, entry: Entry, kept: Kept) -> str:
    marks = [text for text, whose in (("answered", kept.trace.answer), ("true", entry.gold)) if whose == letter]
    return f" <small>({', '.join(marks)})</small>" if marks else ""
