"""Reading turn 1's reply: the search queries, whatever a real model did to the asked format.

Asked for is a ``<queries>`` line, one query a line, and a ``</queries>`` line.
"""

import ast
import json
import re
from dataclasses import dataclass, field

QUERIES_START, QUERIES_END = "<queries>", "</queries>"
LONGEST_QUERY = 200  # characters; CLIP reads about 75 tokens

_BLOCK = re.compile(r"<\s*queries\s*>(.*?)(<\s*/\s*queries\s*>|$)", re.I | re.S)
_SINGLE = re.compile(r"<\s*query\s*>(.*?)<\s*/\s*query\s*>", re.I | re.S)
_THOUGHT = re.compile(r"<(think|thinking|analysis)>.*?(</\1>|$)", re.I | re.S)
_FENCE = re.compile(r"^\s*(```|~~~)\w*\s*$", re.M)
_BULLET = re.compile(
    r"^\s*(?:[-*+\u2022\u00b7\u2013\u2014]+\s+|\(?\d{1,2}\s*[.):]\s*|\(?[a-h][.)]\s+|"
    r"(?:search\s+)?query\s*#?\d*\s*[:.)-]\s*)",
    re.I,
)
_INLINE = re.compile(r"(?:^|(?<=\s))\(?\d{1,2}[.)]\s+")
_CHATTER = re.compile(
    r"^(sure|certainly|of course|okay|ok\b|here (are|is)|below|these|i\b|i'|sorry|unfortunately|as an|the answer|"
    r"answer\b|note|let me|let's|to (answer|find)|based on|hope)",
    re.I,
)


@dataclass(frozen=True)
class ParsedQueries:
    """``strict`` is whether the reply had exactly the asked format; ``notes`` say what was mended."""

    queries: list[str]
    strict: bool
    notes: list[str] = field(default_factory=list)


def parse_queries(text: str, max_queries: int = 4) -> ParsedQueries:
    """Read up to ``max_queries`` queries; an empty list when there are none to read."""
    notes: list[str] = []
    raw = _raw_queries(_FENCE.sub("", _THOUGHT.sub("", text)), notes)
    queries = _tidied(raw, notes)
    if len(queries) > max_queries:
        notes.append(f"the reply held {len(queries)} queries; the first {max_queries} are used")
        queries = queries[:max_queries]
    return ParsedQueries(queries, _is_strict(text, queries), notes)


def _is_strict(text: str, queries: list[str]) -> bool:
    return bool(queries) and text.strip() == "\n".join([QUERIES_START, *queries, QUERIES_END])


def _raw_queries(text: str, notes: list[str]) -> list[str]:
    """Candidates in order, still with their marks."""
    if singles := _SINGLE.findall(text):
        notes.append("the queries came in tags of their own")
        return singles
    if block := _BLOCK.search(text):
        if not block[2]:
            notes.append(f"the reply had no {QUERIES_END}")
        return _from_json(block[1], notes) or _lines(block[1])
    before_end = re.split(r"<\s*/\s*queries\s*>", text, flags=re.I)[0]
    found = _from_json(before_end, notes) or _from_free_text(before_end)
    if found:
        notes.append(f"the reply had no {QUERIES_START}")
    return found


def _lines(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) == 1 and len(_INLINE.findall(lines[0])) > 1:  # "1. a red car 2. a dog"
        return [part for part in _INLINE.split(lines[0]) if part.strip()]
    return lines


def _from_free_text(text: str) -> list[str]:
    """Marked lines if there are any, else short lines that are no chatter."""
    lines = _lines(text)
    marked = [line for line in lines if _BULLET.match(line)]
    if marked:
        return marked
    return [
        ln for ln in lines if len(ln.split()) <= 20 and not ln.rstrip().endswith(":") and not _CHATTER.match(ln.strip())
    ]


def _from_json(text: str, notes: list[str]) -> list[str]:
    """Strings of the first JSON (or Python) list or object in the text."""
    start = re.search(r"[\[{]", text)
    if not start:
        return []
    value = _first_value(text[start.start() :])
    found = _strings(value)
    if found:
        notes.append("the queries came as JSON")
    return found


def _first_value(text: str) -> object:
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except ValueError:
        pass
    end = max(text.rfind("]"), text.rfind("}"))
    try:
        return ast.literal_eval(text[: end + 1])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return re.findall(r'"([^"\n]{3,})"', text) if text.startswith("[") else None  # a list that was cut off


def _strings(value: object) -> list[str]:
    """Query strings of a parsed value: a list, {"queries": [...]}, or objects with a text each."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list | tuple):
        return [text for part in value for text in _strings(part)]
    if isinstance(value, dict):
        inner = next((value[k] for k in value if str(k).lower() in ("queries", "query", "text", "caption")), None)
        return _strings(inner if inner is not None else list(value.values()))
    return []


def _tidied(raw: list[str], notes: list[str]) -> list[str]:
    queries: dict[str, str] = {}
    for candidate in raw:
        query = _plain(candidate)
        if not re.search(r"\w", query):
            continue
        if len(query) > LONGEST_QUERY:
            notes.append(f"a query of {len(query)} characters was cut to {LONGEST_QUERY}")
            query = query[:LONGEST_QUERY].rsplit(" ", 1)[0]
        if query.casefold() in queries:
            notes.append(f'"{query}" was asked twice')
        queries.setdefault(query.casefold(), query)
    return list(queries.values())


def _plain(line: str) -> str:
    """One line without bullet, quotes, markup and control characters."""
    line = re.sub(r"<[^<>]*>|[\x00-\x1f\x7f\u200b-\u200f\ufeff]", " ", line)
    line = _BULLET.sub("", line.strip().strip("*_ "))
    line = line.strip().rstrip(",;").strip("\"'`*_\u201c\u201d\u2018\u2019\u00ab\u00bb ")
    return " ".join(line.split())
