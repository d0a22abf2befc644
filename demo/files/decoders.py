"""The processes that decode visitors' videos: a file may crash, stall or bloat its decoder, never the page."""

from msjoe.video.isolated import Decoders

DECODERS = Decoders()  # one pool for the whole page; a process starts when a file is first opened
