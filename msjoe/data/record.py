"""One question of a benchmark, in the form that every benchmark is read into."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Record:
    """What may be known of a question before it is answered, and the letter it is scored by.

    Evidence (LongVideoBench's ``position``, LVBench's ``time_reference``, Reel's scenes) is left out on
    purpose: nothing that reads Records can pass it on to a model. Texts stand as the benchmark writes
    them, stray spaces included, because its prompts repeat them exactly.
    """

    id: str  # unique within its benchmark
    benchmark: str  # a name in BENCHMARKS
    question: str  # the stem, without options
    options: tuple[str, ...]  # texts without letters; () for an open question
    answer: str  # "A", "B", ...; "" when unknown
    video: str  # file name or relative path as the annotation gives it; Reel: "needle-7", track and seed
    duration: float | None  # seconds, where known
    group: str  # the headline grouping: duration class, duration group, video type, task or track
    labels: tuple[str, ...] = ()  # finer categories, such as question types
    subtitles: str = ""  # relative path of a subtitle file, if any
    subtitle_start: float = 0.0  # seconds to take off that file's times (LongVideoBench's cut videos)


@dataclass(frozen=True)
class Loaded:
    """The records of an annotation file, and a line for every oddity that was met in it."""

    records: list[Record] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
