"""The heatmap: queries down, time across, the sampling weights as a row of their own.

``drawing`` turns a Trace into a plotly figure; ``component`` is what draws it in the browser and
lets a click seek the video.
"""

from html import escape
from pathlib import Path

import gradio as gr
import numpy as np
import plotly

from demo.views import clock
from msjoe.trace import Trace

PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"  # served from here, so no network

# Q queries, T dense frames, K chosen
ROW, GAP, TOP, BOTTOM = 26, 24, 30, 28  # pixels: a row, the label above it, the marks, the time axis
SIMILARITY_SCALE = "Cividis"  # made for the colour-blind: lightness alone tells it
# Transparent where there is no weight, on light and dark pages alike; steep at first, as most weights are small.
WEIGHT_SCALE = tuple((at, f"rgba(168,85,247,{alpha})") for at, alpha in ((0, 0.08), (0.05, 0.4), (0.3, 0.75), (1, 1)))
MARK = "#e4572e"
GREY = "#8a93a3"  # readable on white and on near-black
LABEL_LENGTH = 44  # characters of a query above its row
COLUMNS = 500  # about as many as a screen draws: a weight narrower than one of them would not show
MARK_GAP = 0.055  # of the video's length: marks closer than this share one time label


def figure(trace: Trace):
    """A plotly figure of ``sim_QT`` and, once chosen, ``weights_T`` and the key-frames' times."""
    import plotly.graph_objects as go  # 1 s that the first page need not wait for

    rows = _rows(trace)
    inner = len(rows) * (ROW + GAP)
    fig = go.Figure()
    clocks_T = [clock(t) for t in trace.times_T]
    span = _span(trace)
    for number, (label, values_T, is_similarity) in enumerate(rows, 1):
        top = 1 - ((number - 1) * (ROW + GAP) + GAP) / inner
        fig.add_trace(_row(go, trace.times_T, values_T, clocks_T, _axis(number), is_similarity, span))
        fig.layout[_axis(number).replace("y", "yaxis")] = {
            "domain": [max(top - ROW / inner, 0.0), top],
            "visible": False,
            "fixedrange": True,
            "range": [-0.5, 0.5],
        }
        fig.add_annotation(_label(label, top))
    _mark_chosen(fig, trace)
    fig.update_layout(_layout(trace, inner))
    return fig


def _rows(trace: Trace) -> list[tuple[str, np.ndarray, bool]]:
    """(label, [T] values, whether they are similarities) from the top; a rule may have looked at none."""
    rows = []
    if trace.sim_QT is not None:
        rows = [
            (f"{i}  {query}", sim_T, True)
            for i, (query, sim_T) in enumerate(zip(trace.queries, trace.sim_QT, strict=False), 1)
        ]
    if trace.weights_T is not None:
        rows.append(("Sampling weight", widened(trace.weights_T), False))
    return rows or [("No score was looked at", np.zeros(len(trace.times_T), np.float32), False)]


def _span(trace: Trace) -> tuple[float, float]:
    """The least and the greatest similarity, one colour scale for all rows."""
    return (0.0, 1.0) if trace.sim_QT is None else (float(trace.sim_QT.min()), float(trace.sim_QT.max()))


def widened(values_T: np.ndarray, columns: int = COLUMNS) -> np.ndarray:
    """Each value replaced by the greatest within one of ``columns``, so that lone peaks of a long video show."""
    reach = len(values_T) // columns // 2
    padded = np.pad(values_T, reach, constant_values=values_T.min())
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)


def _axis(number: int) -> str:
    return "y" if number == 1 else f"y{number}"


def _row(go, times_T: np.ndarray, values_T: np.ndarray, clocks_T: list[str], yaxis: str, similarity: bool, span):
    name = "similarity" if similarity else "weight"
    limits = span if similarity else (0.0, float(values_T.max()))
    return go.Heatmap(
        x=times_T,
        z=values_T[None, :].astype(np.float32),
        y=[0],
        text=[clocks_T],
        yaxis=yaxis,
        zmin=limits[0],
        zmax=limits[1],
        colorscale=SIMILARITY_SCALE if similarity else WEIGHT_SCALE,
        showscale=False,
        hovertemplate=f"%{{text}}<br>{name} %{{z:.4f}}<extra></extra>",
    )


def _label(text: str, top: float) -> dict:
    short = text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1].rstrip() + "…"
    return {
        "text": escape(short, quote=False),  # plotly reads &lt; and leaves &quot; as it is
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "y": top,
        "yref": "paper",
        "yanchor": "bottom",
        "showarrow": False,
        "align": "left",
        "font": {"size": 12},
    }


def _mark_chosen(fig, trace: Trace) -> None:
    """A line through every query and a mark with the time on top, for every key-frame."""
    times = trace.chosen_times
    if not times:
        return
    line = {"color": MARK, "width": 1}
    places = [(t, number) for t in times for number in range(1, _marked_rows(trace) + 1)]
    fig.layout.shapes = [
        {"type": "line", "x0": t, "x1": t, "y0": 0, "y1": 1, "xref": "x", "yref": f"{_axis(n)} domain", "line": line}
        for t, n in places
    ]
    fig.add_scatter(
        x=times,
        y=[0] * len(times),
        yaxis="y99",
        mode="markers+text",
        marker={"symbol": "triangle-down", "size": 9, "color": MARK},
        text=_spaced_labels(times, trace.duration),
        textposition="top center",
        textfont={"size": 11},
        customdata=[clock(t) for t in times],
        hovertemplate="key-frame at %{customdata}<extra></extra>",
        cliponaxis=False,
        showlegend=False,
    )
    # An axis of no height at the top edge: the marks keep their place whatever the rows are.
    fig.layout["yaxis99"] = {
        "domain": [0.999, 1],
        "range": [0, 1],
        "visible": False,
        "fixedrange": True,
    }


def _marked_rows(trace: Trace) -> int:
    """Lines go through the similarities; over the weights they would hide what they mark."""
    return 1 if trace.sim_QT is None else len(trace.sim_QT)


def _spaced_labels(times: list[float], duration: float) -> list[str]:
    labels, last = [], -np.inf
    for t in times:
        far = t - last >= MARK_GAP * duration
        labels.append(clock(t) if far else "")
        last = t if far else last
    return labels


def _layout(trace: Trace, inner: int) -> dict:
    ticks = time_ticks(float(trace.times_T[-1]))
    half = 0.5 * float(trace.times_T[1] - trace.times_T[0]) if len(trace.times_T) > 1 else 0.5
    return {
        "height": inner + TOP + BOTTOM,
        "margin": {"l": 18, "r": 18, "t": TOP, "b": BOTTOM, "pad": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": GREY, "family": "system-ui, sans-serif", "size": 12},
        "hoverlabel": {"font": {"family": "system-ui, sans-serif"}},
        "dragmode": False,
        "showlegend": False,
        "xaxis": {
            "range": [-half, float(trace.times_T[-1]) + half],
            "tickvals": ticks,
            "ticktext": [clock(t) for t in ticks],
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
            "anchor": "free",
            "position": 0,
        },
    }


def time_ticks(last: float, about: int = 7) -> list[float]:
    """Round times, about ``about`` of them, from 0 to ``last`` seconds."""
    steps = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
    step = next((s for s in steps if last / s <= about), steps[-1])
    return [float(t) for t in range(0, int(last) + 1, step)]


def legend(trace: Trace) -> str:
    """Numbers beside the colours."""
    parts = []
    if trace.sim_QT is not None:
        low, high = _span(trace)
        parts.append(f"similarity {low:.2f} <i class='cividis'></i> {high:.2f}")
    if trace.weights_T is not None:
        parts.append(f"weight 0 <i class='weights'></i> {float(trace.weights_T.max()):.3f}")
    if trace.chosen_times:
        parts.append("<b>▼</b> chosen key-frame")
    return "".join(f"<span>{part}</span>" for part in parts)


def component(**kwargs) -> gr.HTML:
    """What draws the values of ``drawing``."""
    return gr.HTML(
        value=None,
        html_template=(
            '<section class="heatmap"><h2>Where it is found <small class="seeks">click to see that second</small></h2>'
            '<div class="legend"></div><div class="field"><div class="plot" tabindex="0" role="group" '
            'aria-label="Heatmap: similarity of each query with each second; arrow keys step through the key-frames">'
            '</div><div class="cursor" aria-hidden="true" hidden></div></div></section>'
        ),
        js_on_load=(Path(__file__).parent / "heatmap.js").read_text(encoding="utf-8"),
        head=f'<script src="{escape(f"gradio_api/file={PLOTLY_JS}")}"></script>',
        apply_default_css=False,
        **kwargs,
    )


def drawing(trace: Trace) -> dict[str, str] | None:
    """The component's value; None for a Trace that ended before the matrix."""
    if trace.times_T is None or not len(trace.times_T):
        return None
    return {"figure": figure(trace).to_json(), "legend": legend(trace)}
