"""What a query looks like above its row: plotly decodes &lt; and &amp;, and shows &quot; as it is."""

import numpy as np

from demo.views.heatmap_figure import heatmap_figure
from msjoe.trace import Trace


def test_quotes_are_quotes():
    query = "a sign \"EXIT\" & 'in' <b>"
    trace = Trace("q", queries=[query], times_T=np.arange(9, dtype=np.float32), sim_QT=np.ones((1, 9), np.float32))
    assert heatmap_figure(trace).layout.annotations[0].text == "1  a sign \"EXIT\" &amp; 'in' &lt;b&gt;"
