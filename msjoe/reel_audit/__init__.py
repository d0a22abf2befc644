"""``msjoe reel check``: Reel's gates of fairness, each a number with its interval and the range it must lie in."""
