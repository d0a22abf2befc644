"""How the page opens what visitors bring: in processes that may crash, stall or run out of memory without it."""

from msjoe.video.isolated import Decoders

DECODERS = Decoders()  # one set for the whole page; it starts a process when a file is first opened
