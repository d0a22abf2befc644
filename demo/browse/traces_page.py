"""The page of ``python app.py --traces DIR``: it shows saved Traces as the other page shows a new answer."""

from dataclasses import dataclass, fields
from html import escape
from pathlib import Path

import gradio as gr

from demo.browse.archive import RESULTS, SavedTrace, TraceArchive, TraceFilter
from demo.browse.find_video import VideoFinder
from demo.browse.trace_facts import facts_html
from demo.examples import Examples
from demo.limits import Limits
from demo.ui.event_queue import enqueue_on, event_queue, handle_events
from demo.ui.page_frame import blocks
from demo.ui.player import Player, player
from demo.ui.results import ResultParts, empty_page, html, progress_parts, result_parts, show_answer
from demo.views.messages import notice_html
from demo.views.models_status import status_line
from msjoe.errors import UserError

ANY = "any"
LEAD = "Saved answers: what the model looked for, where it found it, and what it said."
MAX_LISTED = 200


@dataclass(frozen=True)
class FilterFields:
    """The fields above the list, in the order of ``TraceFilter``."""

    benchmark: gr.Dropdown
    track: gr.Dropdown
    result: gr.Dropdown
    selector: gr.Dropdown
    least_reward: gr.Textbox  # a number field would send 0 when it is empty

    def all(self) -> list:
        return [getattr(self, field.name) for field in fields(self)]


@dataclass(frozen=True)
class TraceList:
    """The list of Traces and the one that is chosen: the rest of the left column."""

    count: gr.HTML
    back: gr.Button
    forth: gr.Button
    listed: gr.Dropdown
    facts: gr.HTML
    video: Player


def build(archive: TraceArchive, examples: Examples, limits: Limits, root: Path | None) -> gr.Blocks:
    """``root``: folder in which to look for a video by the name in its Trace."""
    with blocks("MSJoE traces", limits, examples) as page:
        html(f"<header><h1>MSJoE</h1><p>{LEAD}</p></header>", elem_id="head")
        status = f"<b>{len(archive.entries):,} Traces</b> in {escape(archive.root.name)}. No model is loaded."
        html(status_line("ready", status), elem_id="status")
        with gr.Row(elem_id="columns", equal_height=False):
            with gr.Column(scale=5, min_width=320, elem_id="ask"):
                filters, listing = _left_column(archive)
            with gr.Column(scale=7, min_width=320, elem_id="see"):
                results = result_parts(*progress_parts(), limits, again="")
        number = gr.State(None)  # of the displayed entry
        _wire(page, archive, VideoFinder(examples, root, page), filters, listing, results, number)
    page.queue(api_open=False)
    return page


def _left_column(archive: TraceArchive) -> tuple[FilterFields, TraceList]:
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
    return FilterFields(benchmark, track, result, selector, reward), TraceList(count, back, forth, listed, facts, video)


def _choice(label: str, values: list[str]) -> gr.Dropdown:
    return gr.Dropdown([ANY, *values], value=ANY, label=label, min_width=130, elem_id=f"by-{label.lower()}")


def _wire(
    page: gr.Blocks,
    archive: TraceArchive,
    find: VideoFinder,
    filters: FilterFields,
    listing: TraceList,
    results: ResultParts,
    number,
) -> None:
    shown = [number, listing.count, listing.back, listing.forth, listing.listed, listing.facts, listing.video]
    shown += results.all()

    def show(wanted: int | None, found: list[int]) -> dict:
        """Updates that show entry ``wanted``, or the first of ``found`` if it is not among them."""
        if not found:
            return {
                number: None,
                listing.count: '<p class="muted">No Trace fits: loosen a filter.</p>',
                listing.back: gr.Button(interactive=False),
                listing.forth: gr.Button(interactive=False),
                listing.listed: gr.Dropdown(choices=[], value=None),
                listing.facts: "",
                listing.video: gr.Video(None, visible=False),
                **empty_page(results),
            }
        wanted = wanted if wanted in found else found[0]
        place = found.index(wanted)
        near = found[max(0, place - MAX_LISTED // 2) :][:MAX_LISTED]
        choices = [(_list_label(archive.entries[i]), i) for i in near]
        return {
            number: wanted,
            listing.count: f'<p class="muted"><b>{place + 1}</b> of {len(found):,} that fit</p>',
            listing.back: gr.Button(interactive=place > 0),
            listing.forth: gr.Button(interactive=place + 1 < len(found)),
            listing.listed: gr.Dropdown(choices=choices, value=wanted),
            **_drawn(archive, wanted, find, listing, results),
        }

    def filtered(*values) -> list[int]:
        *names, reward = values
        return archive.matching(
            TraceFilter(*(None if name in (ANY, None) else name for name in names), _number(reward))
        )

    def narrow(value: None, current: int | None, *values) -> dict:
        return show(current, filtered(*values))

    def step(by: int, current: int | None, *values) -> dict:
        if by not in (-1, 1):
            raise UserError(f"this page has no step {str(by)[:20]}: reload it")
        found = filtered(*values)
        place = found.index(current) + by if current in found else 0
        return show(found[min(max(place, 0), len(found) - 1)] if found else None, found)

    def pick(picked: int | None, current: int | None, *values) -> dict:
        if picked == current:  # sent again when the field loses focus
            return {}
        return show(picked, filtered(*values))

    queue = event_queue()
    handle_events(
        queue, {"narrow": narrow, "step": step, "pick": pick}, [number, *filters.all()], shown, results.notice
    )
    *menus, reward = filters.all()
    for event in (page.load, *(menu.input for menu in menus), reward.change):  # pasting is not an "input" event
        enqueue_on(event, "narrow")
    enqueue_on(listing.back.click, "step", "-1")
    enqueue_on(listing.forth.click, "step", "1")
    enqueue_on(listing.listed.input, "pick", "values[0]", [listing.listed])


def _drawn(archive: TraceArchive, number: int, find: VideoFinder, listing: TraceList, results: ResultParts) -> dict:
    entry = archive.entries[number]
    try:
        answer = archive.load(number)
    except UserError as e:
        return {
            **empty_page(results),
            results.notice: notice_html(str(e)),
            listing.facts: facts_html(entry, None, None),
            listing.video: gr.Video(None, visible=False),
        }
    video = find(answer.trace)
    return {
        **show_answer(results, answer),
        listing.facts: facts_html(entry, answer, video),
        listing.video: Player(video, visible=video is not None),
    }


def _number(text: str | None) -> float | None:
    """The number that was typed; None for an empty field or any other text."""
    try:
        return float(text or "")
    except ValueError:
        return None


def _list_label(entry: SavedTrace) -> str:
    return f"{entry.name} · {entry.question}"[:110]
