"""``msjoe reel check``: gates that show that Reel is hard and fair, each with its interval and wanted range."""
