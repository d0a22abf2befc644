"""The heatmap of a Trace as a plotly figure: a row for each query and one for the sampling weights, time across."""

import math
from html import escape

import numpy as np

from msjoe.clock import clock
from msjoe.trace import Trace

# Q queries, T dense frames, K chosen
ROW, GAP, TOP, BOTTOM = 26, 24, 30, 28  # pixels: a row, the label above it, the marks, the time axis
SIMILARITY_SCALE = "Cividis"  # readable by the colour-blind: lightness alone carries the value
# Transparent at zero, so that it suits light and dark pages; steep at first, because most weights are small.
WEIGHT_SCALE = tuple((at, f"rgba(168,85,247,{alpha})") for at, alpha in ((0, 0.08), (0.05, 0.4), (0.3, 0.75), (1, 1)))
MARK = "#e4572e"
GREY = "#8a93a3"  # readable on white and on near-black
LABEL_LENGTH = 44  # characters of a query above its row
MAX_COLUMNS = 2000  # of a row, sent to the browser
SCREEN_COLUMNS = 500  # about as many as a screen shows; a narrower peak would be invisible
MARK_GAP = 0.055  # of the video's length: marks closer than this share one label


def heatmap_figure(trace: Trace):
    """A plotly figure of ``sim_QT`` and, once chosen, ``weights_T`` and the key-frames' times."""
    import plotly.graph_objects as go  # takes 1 s, which the first page does not wait for

    rows = _rows(trace)
    inner = len(rows) * (ROW + GAP)
    figure = go.Figure()
    span = _span(trace)
    for number, (label, values_T, is_similarity) in enumerate(rows, 1):
        top = 1 - ((number - 1) * (ROW + GAP) + GAP) / inner
        figure.add_trace(_row(go, trace.times_T, values_T, _axis(number), is_similarity, span))
        figure.layout[_axis(number).replace("y", "yaxis")] = {
            "domain": [max(top - ROW / inner, 0.0), top],
            "visible": False,
            "fixedrange": True,
            "range": [-0.5, 0.5],
        }
        figure.add_annotation(_label(label, top))
    _mark_chosen(figure, trace)
    figure.update_layout(_layout(trace, inner))
    return figure


def _rows(trace: Trace) -> list[tuple[str, np.ndarray, bool]]:
    """(label, [T] values, whether they are similarities) from top to bottom; a selector may have used no scores."""
    rows = []
    if trace.sim_QT is not None:
        rows = [
            (f"{i}  {query}", sim_T, True)
            for i, (query, sim_T) in enumerate(zip(trace.queries, trace.sim_QT, strict=False), 1)
        ]
    if trace.weights_T is not None:
        rows.append(("Sampling weight", trace.weights_T, False))
    return rows or [("No scores were used", np.zeros(len(trace.times_T), np.float32), False)]


def _span(trace: Trace) -> tuple[float, float]:
    """The least and the greatest similarity: all rows share one colour scale."""
    return (0.0, 1.0) if trace.sim_QT is None else (float(trace.sim_QT.min()), float(trace.sim_QT.max()))


def column_peaks(values_T: np.ndarray, most: int = MAX_COLUMNS, screen: int = SCREEN_COLUMNS) -> np.ndarray:
    """The index of the frame whose value each column shows, int64 [C], C <= ``most``.

    A column spans equally many frames and shows their greatest value. If a screen has only ``screen`` columns, it shows
    the greatest value within one of those. So single peaks of a long video are visible, and a click on one finds its
    second.
    """
    size = math.ceil(len(values_T) / most)
    count = math.ceil(len(values_T) / size)
    padded = np.full(count * size, -np.inf, np.float32)
    padded[: len(values_T)] = values_T
    peaks_C = padded.reshape(count, size).argmax(1) + size * np.arange(count)
    reach = count // screen // 2
    near = np.pad(values_T[peaks_C], reach, constant_values=-np.inf)
    offsets_C = np.lib.stride_tricks.sliding_window_view(near, 2 * reach + 1).argmax(1) - reach
    return peaks_C[np.arange(count) + offsets_C]


def _columns(times_T: np.ndarray, count: int) -> tuple[float, float]:
    """(centre of the first column, width of one), in seconds, of a row with ``count`` columns."""
    frame = float(times_T[1] - times_T[0]) if len(times_T) > 1 else 1.0
    size = math.ceil(len(times_T) / count)
    return float(times_T[0]) + 0.5 * (size - 1) * frame, size * frame


def _axis(number: int) -> str:
    return "y" if number == 1 else f"y{number}"


def _row(go, times_T: np.ndarray, values_T: np.ndarray, yaxis: str, similarity: bool, span: tuple[float, float]):
    name = "similarity" if similarity else "weight"
    limits = span if similarity else (0.0, float(values_T.max()))
    peaks_C = column_peaks(values_T)
    first, width = _columns(times_T, len(peaks_C))
    return go.Heatmap(
        x0=first,
        dx=width,
        z=values_T[peaks_C][None, :].astype(np.float32),
        y=[0],
        text=[[clock(t) for t in times_T[peaks_C]]],
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


def _mark_chosen(figure, trace: Trace) -> None:
    """For every key-frame: a line through the query rows, and a mark with its time above them."""
    times = trace.chosen_times
    if not times:
        return
    line = {"color": MARK, "width": 1}
    places = [(t, number) for t in times for number in range(1, _marked_rows(trace) + 1)]
    figure.layout.shapes = [
        {"type": "line", "x0": t, "x1": t, "y0": 0, "y1": 1, "xref": "x", "yref": f"{_axis(n)} domain", "line": line}
        for t, n in places
    ]
    figure.add_scatter(
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
    # An axis without height at the top edge keeps the marks in place for any number of rows.
    figure.layout["yaxis99"] = {
        "domain": [0.999, 1],
        "range": [0, 1],
        "visible": False,
        "fixedrange": True,
    }


def _marked_rows(trace: Trace) -> int:
    """Lines cross the similarity rows only; on the weights they would hide the marked value."""
    return 1 if trace.sim_QT is None else len(trace.sim_QT)


def _spaced_labels(times: list[float], duration: float) -> list[str]:
    """Times for the marks; "" where a label would be too close to the one before."""
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
    step = next((s for s in steps if last / s <= about), 7200 * math.ceil(last / about / 7200))
    return [float(t) for t in range(0, int(last) + 1, step)]


def heatmap_legend(trace: Trace) -> str:
    """The colour scales with their numbers, as HTML."""
    parts = []
    if trace.sim_QT is not None:
        low, high = _span(trace)
        parts.append(f"similarity {low:.2f} <i class='cividis'></i> {high:.2f}")
    if trace.weights_T is not None:
        parts.append(f"weight 0 <i class='weights'></i> {float(trace.weights_T.max()):.3f}")
    if trace.chosen_times:
        parts.append("<b>▼</b> chosen key-frame")
    return "".join(f"<span>{part}</span>" for part in parts)


def heatmap_value(trace: Trace) -> dict | None:
    """The value of ui/heatmap.py's component; None for a Trace without a similarity step."""
    if trace.times_T is None or not len(trace.times_T):
        return None
    return {"figure": heatmap_figure(trace).to_json(), "legend": heatmap_legend(trace), "peaks": _peaks(trace)}


def _peaks(trace: Trace) -> dict | None:
    """The second that each column of each row shows; None if every frame has its own column."""
    if len(trace.times_T) < 2 * SCREEN_COLUMNS:
        return None
    rows = [trace.times_T[column_peaks(values_T)].round(2) for _, values_T, _ in _rows(trace)]
    first, width = _columns(trace.times_T, len(rows[0]))
    return {"first": first, "width": width, "row": ROW + GAP, "top": TOP, "seconds": [row.tolist() for row in rows]}
