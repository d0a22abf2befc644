"""The state of the models, as HTML."""

from html import escape

from demo.jobs.engine import Engine
from demo.views.messages import REAL_COMMAND, short_name
from msjoe.errors import UserError


def models_status(engine: Engine) -> str:
    """One line: whether the models are loading, ready or failed, and what they can do."""
    if engine.failure is not None:
        known = isinstance(engine.failure, UserError)
        reason = str(engine.failure) if known else f"{type(engine.failure).__name__}: {engine.failure}"
        return status_line("failed", f"<b>No models.</b> {escape(reason)}")
    if engine.models is None:
        return status_line(
            "loading", f"<b>Loading the models</b> ({engine.waiting_seconds:.0f} s). Run waits for them."
        )
    models = engine.models
    mllm, clip = (f"<code>{escape(short_name(model.id))}</code>" for model in (models.mllm, models.clip))
    names = f"<b>Ready.</b> MLLM {mllm}, CLIP {clip}, default selector {_selector(models.selector.name)}."
    if not models.reel_only:
        return status_line("ready", names)
    return status_line("ready", names) + (
        "<p class='real'>Embedded miniatures: they know only Reel's drawn world. "
        f"For real videos: <code>{escape(REAL_COMMAND)}</code></p>"
    )


def _selector(name: str) -> str:
    kind = "trained" if name.startswith("sampler") else "training-free"
    return f"<code>{escape(name)}</code> ({kind})"


def status_line(state: str, html: str) -> str:
    """A line with a coloured dot; ``state``: loading, ready or failed."""
    return f'<p class="state {state}" role="status"><span class="dot" aria-hidden="true"></span><span>{html}</span></p>'
