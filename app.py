"""Start the page: ``python app.py``. Also the entry point of a hosted Space.

``python app.py --traces DIR`` browses saved Traces instead, without a model.
"""

import argparse
import errno
import logging
import os
import signal
import socket
import sys
from pathlib import Path

from demo.examples import load_examples
from demo.files.decoders import DECODERS
from demo.files.temp_folder import keep_small, own_folder
from demo.files.video_root import checked_root
from demo.jobs.engine import Engine
from demo.jobs.feature_cache import MemoryFeatureCache
from demo.limits import Limits, add_limit_arguments, limits_from_args
from msjoe.errors import UserError
from msjoe.files import reason
from msjoe.flags import add_model_arguments, check_model_arguments
from msjoe.settings import Settings
from msjoe.video.isolated import DecoderLimits

log = logging.getLogger("app")

LAST_PORT = 65535


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Ask about long videos in the browser. Without flags the embedded miniatures answer."
    )
    page = parser.add_argument_group("page")
    page.add_argument("--host", default=None, help="address to listen on (default: this machine only)")
    page.add_argument("--port", type=int, default=None, help="port (default: the first free one from 7860)")
    page.add_argument("--videos", type=Path, metavar="DIR", help="let visitors name videos under this folder")
    page.add_argument("--traces", type=Path, metavar="DIR", help="browse saved Traces; no model is loaded")
    page.add_argument("--dense-fps", type=float, default=1.0, help="frames a second for CLIP (default: 1)")
    add_limit_arguments(parser)
    add_model_arguments(parser)
    return parser.parse_args()


def check(args: argparse.Namespace) -> None:
    """Raises UserError for invalid flags, so that they are reported at the start and not to the first visitor."""
    if args.port is not None and not 1 <= args.port <= LAST_PORT:
        raise UserError(f"--port is {args.port}: give a number from 1 to {LAST_PORT}")
    if args.host is not None:
        check_host(args.host)
    Settings(dense_fps=args.dense_fps)
    check_model_arguments(args)


def check_host(host: str) -> None:
    """Raises UserError unless the address is this machine's. Gradio would try a hundred ports of it, 5 s each."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(host.strip("[]"), 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as trial:
            trial.bind(place)
    except (OSError, UnicodeError) as e:
        raise UserError(f"--host is {host}: give an address of this machine, such as 127.0.0.1 or 0.0.0.0 ({e})") from e


def load(args: argparse.Namespace, engine: Engine):
    from msjoe.loading import (
        models_from_args,  # imports torch and transformers, which takes seconds: done on the engine's thread
    )

    models = models_from_args(args)
    models.mllm.interrupted = engine.stopping
    if models.cache is None:
        models.cache = MemoryFeatureCache()  # so that a new search need not encode all frames again
    return models


def main() -> None:
    args = parse_args()
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    for ours in ("app", "demo", "msjoe"):
        logging.getLogger(ours).setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that atexit handlers run
    try:
        check(args)
        limits, root = limits_from_args(args), checked_root(args.videos)
        DECODERS.limits = DecoderLimits(limits.decode_seconds, limits.decode_memory_mb)
        keep_small(own_folder(), limits.cache_gb << 30)
        if args.traces:
            browse(args, limits, root)
        else:
            ask(args, limits, root)
    except UserError as e:
        log.error("%s", e)
        sys.exit(2)
    except OSError as e:
        log.error("the page stopped: %s", reason(e))
        sys.exit(2 if e.errno == errno.ENAMETOOLONG else 1)  # only a path that the user gave can be too long


def ask(args: argparse.Namespace, limits: Limits, root: Path | None) -> None:
    """The page that answers."""
    from demo.page import PageOptions, build  # imports gradio, which takes seconds: --help does without

    engine = Engine(limits.max_waiting)
    embedded = not (args.mllm or args.clip)
    page = build(engine, load_examples(), PageOptions(embedded, args.dense_fps, root, limits))
    serve(page, args, limits)
    engine.start(lambda: load(args, engine))  # once the page is up: starting both at once would delay the page
    page.block_thread()


def browse(args: argparse.Namespace, limits: Limits, root: Path | None) -> None:
    """The page that shows saved Traces."""
    from demo.browse.archive import TraceArchive
    from demo.browse.traces_page import build

    page = build(TraceArchive.scan(args.traces), load_examples(), limits, root)
    serve(page, args, limits)
    page.block_thread()


def serve(page, args: argparse.Namespace, limits: Limits) -> None:
    from demo.ui.page_frame import launch_options

    try:
        page.launch(
            server_name=args.host,
            server_port=args.port,
            prevent_thread_lock=True,
            quiet=True,
            **launch_options(limits),
        )
    except OSError as e:
        raise UserError(f"the page cannot be served at {address(args)}: choose another --host or --port ({e})") from e
    log.info("the page is up: %s", page.local_url)


def address(args: argparse.Namespace) -> str:
    """Where gradio tries to listen: the flags, else its environment variables, else its defaults."""
    host = args.host or os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1")
    port = args.port or os.environ.get("GRADIO_SERVER_PORT", "7860")
    return f"{host}:{port}"


if __name__ == "__main__":
    main()
