"""A sign of life of everything that reads packets, for who watches a decoder for hangs."""


class Progress:
    """How many packets this process has read; only ever compared with an earlier look."""

    packets = 0


PROGRESS = Progress()
