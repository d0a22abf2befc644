"""``python -m msjoe``: the same as the console script ``msjoe``."""

import sys

from msjoe.cli import main

sys.exit(main())
