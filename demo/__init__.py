"""The page. Imports ``msjoe``; nothing in ``msjoe`` imports it."""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # gradio reads it when it is imported
