"""Export: the displayed answer and comparison as one zip."""

import re
import tempfile
from pathlib import Path

import gradio as gr

from demo.actions.page_parts import PageParts
from demo.jobs.answer_store import StoredComparison
from demo.ui.event_queue import QUIET, report_fault
from msjoe.comparison_zip import Column, Export, write_export
from msjoe.trace import Trace

EXPORT_FAULT = "This answer could not be exported: press Run, then export again. The server's log may say why."
CLICK_DOWNLOAD = "() => setTimeout(() => document.querySelector('#download')?.click(), 50)"


def wire_export(parts: PageParts, download: gr.DownloadButton) -> None:
    """The zip is written only on request, so that runs leave no files behind."""

    def export(answer_key: str | None, comparison_key: str | None) -> str:
        answer, comparison = parts.store.get(answer_key), parts.store.get(comparison_key)
        if answer is None and comparison is None:
            raise gr.Error("This answer is no longer kept: press Run, then export.", print_exception=False)
        folder = Path(tempfile.mkdtemp(prefix="export-", dir=_upload_folder(download)))
        content = Export(answer.trace if answer else None, _columns(comparison) if comparison else ())
        return str(write_export(content, folder / file_name(any_trace(content))))

    exported = parts.export.click(export, [parts.answer_key, parts.comparison_key], [download], **QUIET)
    report_fault(exported, parts.results.notice, EXPORT_FAULT)
    exported.success(None, None, None, js=CLICK_DOWNLOAD, **QUIET)


def any_trace(export: Export) -> Trace:
    """A Trace that holds the question: all of an export's Traces have the same one."""
    return export.answer or export.columns[0].trace


def file_name(trace: Trace) -> str:
    """E.g. "msjoe-film-who-opens-the-door.zip"."""
    words = re.findall(r"[a-z0-9]+", f"{Path(trace.video).stem} {trace.question}".lower())
    return "-".join(["msjoe", *words])[:80].rstrip("-") + ".zip"


def _columns(comparison: StoredComparison) -> tuple[Column, ...]:
    pairs = zip(comparison.columns, comparison.traces, strict=True)
    return tuple(Column(column.selector, column.budget, trace) for column, trace in pairs)


def _upload_folder(component: gr.components.Component) -> Path:
    """Gradio's folder of temporary files, whose old files it deletes."""
    folder = Path(component.GRADIO_CACHE)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
