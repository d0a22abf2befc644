"""Which question an answer is an answer to: by its content, not by its id alone.

Ids of a file of one's own may be line numbers, which move when a line is inserted, and a benchmark's file may be
corrected under the same ids. So every answer holds a digest of its question.
"""

import hashlib
import json
from collections.abc import Mapping

from msjoe.data import Record


def digest(record: Record) -> str:
    """Of all that is asked, shown or scored: 16 hexadecimal digits."""
    content = (
        record.question,
        record.options,
        record.answer,
        record.video,
        record.group,
        record.labels,
        record.subtitles,
        record.subtitle_start,
    )
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:16]


def is_about(row: Mapping, record: Record) -> bool:
    """Whether a line of answers.jsonl answers this question.

    Lines of versions before the digest are compared by what they hold: video, gold letter, group and labels, and the
    question itself where it was the query.
    """
    if "content" in row:
        return row["content"] == digest(record)
    known = (row.get("video"), row.get("gold"), row.get("group"), row.get("labels"))
    same = known == (record.video, record.answer or None, record.group, list(record.labels))
    asked = row.get("queries") if row.get("queries_from") == "question" else [record.question]
    return same and asked == [record.question]
