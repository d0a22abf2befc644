"""Twenty visitors for ten minutes: is every answer right, and is the memory given back?

    python -m benchmarks.soak --minutes 10 --visitors 20 --browsers 3 --out docs/soak.md

starts ``app.py``, answers a few questions on the quiet server for reference, then lets visitors do at random what
visitors do. Most are programs (ask, select, upload a film, hang up in the middle, send nonsense); some are browsers
(run, stop, compare, choose another example, close the tab in the middle). An answer under load must equal the
reference; nonsense must be refused in words; a full queue may refuse anybody. At the end the server must answer the
reference questions as before. Prints what happened; exits with 1 where something went wrong.
"""

import argparse
import contextlib
import json
import random
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import gradio_client
import numpy as np
import psutil
from playwright.sync_api import Error as BrowserError
from playwright.sync_api import Page, sync_playwright

from demo.examples import load_examples
from msjoe.video import write_video
from scripts.page_browser import CHROMIUM_FLAGS, chromium_path, serve

PATIENCE = 300  # seconds for one answer
GROWTH_MB = 400  # of the server's memory from after the references to after the soak
SELECTORS = ("", "uniform", "topk")
NONSENSE = (
    {"budget": 0},
    {"budget": 10**9},
    {"previews": 10**6},
    {"budget": 2.5},
    {"question": " "},
    {"selector": "best"},
    {"selector": "sampler:/etc"},
    {"options": ["only one"]},
)


@dataclass
class Log:
    """What happened, by (what was done, how it ended)."""

    counts: Counter = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, what: str, end: str) -> None:
        with self.lock:
            self.counts[what, end] += 1

    def fault(self, what: str, why: str) -> None:
        self.note(what, "WRONG")
        with self.lock:
            self.faults.append(f"{what}: {why}"[:300])


@dataclass(frozen=True)
class Request:
    """One question to the API about a bundled film."""

    film: int
    question: int
    selector: str = ""

    def arguments(self) -> dict:
        example = load_examples().items[self.film]
        asked = example.questions[self.question]
        film = gradio_client.handle_file(str(example.path))
        return {"video": film, "question": asked.question, "options": list(asked.options), "selector": self.selector}


def requests() -> list[Request]:
    films = load_examples().items
    return [Request(f, q, s) for f in range(len(films)) for q in range(2) for s in SELECTORS]


def ask(client: gradio_client.Client, request: Request) -> dict:
    found = client.predict(**request.arguments(), api_name="/answer")
    return {key: found[key] for key in ("queries", "times", "answer", "reply")}


class Program:
    """A visitor that is a program, with its own random choices."""

    def __init__(self, address: str, references: dict[Request, dict], folder: Path, log: Log, seed: int) -> None:
        self.address, self.references, self.folder, self.log = address, references, folder, log
        self.rng = random.Random(seed)
        self.client = gradio_client.Client(address, verbose=False, httpx_kwargs={"timeout": PATIENCE})
        self.number = seed

    def visit(self, until: float) -> None:
        acts = [(self.ask, 5), (self.select, 2), (self.hang_up, 3), (self.nonsense, 3), (self.upload, 2)]
        while time.monotonic() < until:
            (act,) = self.rng.choices([act for act, _ in acts], [weight for _, weight in acts])
            self.guarded(act)
            time.sleep(self.rng.uniform(0.0, 3.0))

    def guarded(self, act: Callable[[], None]) -> None:
        """A refusal because the queue is full is a good end; any other error is a fault."""
        name = act.__name__.replace("_", " ")
        try:
            act()
        except (gradio_client.exceptions.AppError, ValueError) as error:
            if "full" in str(error):
                self.log.note(name, "queue full")
            else:
                self.log.fault(name, str(error))
        except OSError as error:
            self.log.fault(name, f"{type(error).__name__}: {error}")

    def ask(self) -> None:
        request = self.rng.choice(list(self.references))
        found = ask(self.client, request)
        if found == self.references[request]:
            self.log.note("ask", "as alone")
        else:
            self.log.fault("ask", f"{request}: {found} instead of {self.references[request]}")

    def select(self) -> None:
        request = self.rng.choice(list(self.references))
        found = self.client.predict(**request.arguments(), api_name="/select")
        if found["times"] == self.references[request]["times"]:
            self.log.note("select", "as alone")
        else:
            self.log.fault("select", f"{request}: {found['times']}")

    def nonsense(self) -> None:
        request = self.rng.choice(list(self.references))
        wrong = self.rng.choice([*NONSENSE, {"video": gradio_client.handle_file(str(self.folder / "notes.mp4"))}])
        try:
            found = self.client.predict(**{**request.arguments(), **wrong}, api_name="/answer")
        except (gradio_client.exceptions.AppError, ValueError) as error:
            if "Something went wrong" in str(error) or "Traceback" in str(error):
                self.log.fault("nonsense", f"{wrong}: {error}")
            else:
                self.log.note("nonsense", "refused")
        else:
            self.log.fault("nonsense", f"{wrong} was answered: {found}")

    def upload(self) -> None:
        """A film of this visitor's own: its times tell whether another one was looked at."""
        seconds = self.rng.randrange(10, 40)
        path = self.folder / f"own-{self.number}-{seconds}.mp4"
        if not path.is_file():
            shades = np.linspace(0, 255, seconds).astype(np.uint8)
            write_video(path, [np.full((64, 64, 3), shade, np.uint8) for shade in shades], fps=1)
        film = gradio_client.handle_file(str(path))
        found = self.client.predict(
            film, "What colour is it?", ["black", "white"], budget=4, selector="uniform", api_name="/answer"
        )
        if found["times"][0] == 0.0 and found["times"][-1] == seconds - 1.0:
            self.log.note("upload", "its own film")
        else:
            self.log.fault("upload", f"a film of {seconds} s gave the times {found['times']}")

    def hang_up(self) -> None:
        """Start a call by plain HTTP and leave after a moment."""
        path = self.folder / "long.mp4"
        body = {"data": [_uploaded(self.address, path), "What colour is it?", ["black", "white"], 8, 4, "", 0]}
        call = f"{self.address}/gradio_api/call/answer"
        asked = urllib.request.Request(call, json.dumps(body).encode(), {"Content-Type": "application/json"})
        event = json.load(urllib.request.urlopen(asked, timeout=PATIENCE))["event_id"]
        with contextlib.suppress(TimeoutError), urllib.request.urlopen(f"{call}/{event}", timeout=PATIENCE):
            time.sleep(self.rng.uniform(0.1, 2.0))
        self.log.note("hang up", "left")


def _uploaded(address: str, path: Path) -> dict:
    """Upload a file as a browser does; returns what a call takes."""
    mark = "----soak"
    head = f'--{mark}\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n\r\n'.encode()
    body = head + path.read_bytes() + f"\r\n--{mark}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={mark}"}
    sent = urllib.request.Request(f"{address}/gradio_api/upload", body, kind)
    (there,) = json.load(urllib.request.urlopen(sent, timeout=PATIENCE))
    return {"path": there, "meta": {"_type": "gradio.FileData"}}


def browse(address: str, seed: int, log: Log, until: float) -> None:
    """A visitor with a browser. Playwright's objects belong to the thread that made them."""
    rng = random.Random(seed)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_FLAGS)
        while time.monotonic() < until:
            context = browser.new_context(viewport={"width": 1200, "height": 900})
            try:
                visit_page(context.new_page(), address, rng, log, until)
            except BrowserError as error:
                log.fault("browser", str(error).splitlines()[0])
            context.close()  # often in the middle of a run
            log.note("browser", "tab closed")
        browser.close()


def visit_page(page: Page, address: str, rng: random.Random, log: Log, until: float) -> None:
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(address)
    page.wait_for_selector("#options input")
    for _ in range(rng.randrange(1, 5)):
        if time.monotonic() > until:
            return
        act = rng.choice(("run", "stop", "compare", "example", "leave"))
        if act == "leave":
            page.focus("#run")
            page.keyboard.press("Enter")
            time.sleep(rng.uniform(0.0, 2.0))
            return
        if act == "example":
            page.click(f".card >> nth={rng.randrange(len(load_examples().items))}")
        elif act == "compare":
            page.get_by_role("tab", name="Compare").click()
            page.click("#compare")
            page.wait_for_selector("#run:not([disabled])")
            page.get_by_role("tab").first.click()
        else:
            page.click("#run")
            if act == "stop":
                time.sleep(rng.uniform(0.0, 1.0))
                page.evaluate("document.querySelector('#stop').click()")  # without effect where the run has ended
            page.wait_for_selector("#run:not([disabled])")
        log.note("browser", act)


class Memory(threading.Thread):
    """Watches the resident memory of the server and its children, in MB."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most, self.ended = 0.0, threading.Event()

    def run(self) -> None:
        while not self.ended.wait(1.0):
            self.most = max(self.most, server_memory())


def server_memory() -> float:
    total = 0
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            line = " ".join(process.cmdline())
            total += process.memory_info().rss if "app.py" in line or "msjoe.video" in line else 0
    return total / 2**20


def soak(args: argparse.Namespace, folder: Path) -> tuple[Log, list[str]]:
    (folder / "notes.mp4").write_text("this is no video\n" * 40, encoding="utf-8")
    write_video(folder / "long.mp4", (np.full((96, 96, 3), i % 256, np.uint8) for i in range(1800)), fps=1)
    log, memory = Log(), Memory()
    with serve(log=args.log) as address:
        client = gradio_client.Client(address, verbose=False, httpx_kwargs={"timeout": PATIENCE})
        references = {request: ask(client, request) for request in requests()}
        before = server_memory()
        memory.start()
        until = time.monotonic() + 60 * args.minutes
        programs = [Program(address, references, folder, log, i) for i in range(args.visitors - args.browsers)]
        threads = [threading.Thread(target=one.visit, args=(until,)) for one in programs]
        threads += [threading.Thread(target=browse, args=(address, 1000 + i, log, until)) for i in range(args.browsers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        time.sleep(20)  # what was left behind ends
        for request, reference in references.items():
            if ask(client, request) != reference:
                log.fault("afterwards", str(request))
        memory.ended.set()
        after = server_memory()
    if after - before > GROWTH_MB:
        log.fault("memory", f"{before:.0f} MB before, {after:.0f} MB after")
    return log, [f"memory: {before:.0f} MB before, {memory.most:.0f} MB at most, {after:.0f} MB after"]


def report(args: argparse.Namespace, log: Log, lines: list[str]) -> str:
    """Markdown."""
    rows = [f"| {what} | {end} | {count} |" for (what, end), count in sorted(log.counts.items())]
    who = f"{args.visitors} visitors, {args.browsers} of them browsers, {args.minutes:g} minutes, seed by visitor"
    table = ["| what a visitor did | how it ended | times |", "|---|---|---:|", *rows]
    faults = [f"- {fault}" for fault in log.faults] or ["Nothing went wrong."]
    return "\n".join([who, "", *lines, "", *table, "", *faults, ""])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--browsers", type=int, default=3, help="visitors with a real browser (default: %(default)s)")
    parser.add_argument("--out", type=Path, help="also write the report as Markdown")
    parser.add_argument("--log", type=Path, help="where the server's log goes")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log, lines = soak(args, Path(folder))
    text = report(args, log, lines)
    print(text)
    if args.out:
        args.out.write_text("# Soak test\n\n`python -m benchmarks.soak`: " + text, encoding="utf-8")
    return 1 if log.faults else 0


if __name__ == "__main__":
    sys.exit(main())
