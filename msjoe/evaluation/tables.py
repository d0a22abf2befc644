"""Markdown tables, and intervals as their cells."""

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with padded cells; the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = [c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))]
        return f"| {' | '.join(padded)} |"

    rule = "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths))
    return "\n".join([line(head), f"|{rule}|", *map(line, rows)])


def percent(interval: Sequence[float] | None) -> str:
    """ "41.2 (38.0 to 44.3)"."""
    if interval is None:
        return ""
    value, low, high = (100 * x for x in interval)
    return f"{value:.1f} ({low:.1f} to {high:.1f})"


def signed(interval: Sequence[float] | None) -> str:
    """ "+3.1 (-0.2 to +6.0)"."""
    if interval is None:
        return ""
    value, low, high = (100 * x for x in interval)
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"
