"""Start the page: ``python app.py``. Also the entry point of a hosted Space.

``python app.py --traces DIR`` browses saved Traces instead, with no model.
"""

import argparse
import logging
import signal
import sys
from pathlib import Path

from demo.engine import Engine
from demo.examples import load_examples
from demo.limits import Limits, add_limit_arguments, limits_from_args
from demo.memory import MemoryCache
from demo.places import checked_root
from demo.temporary import keep_small, own_folder
from msjoe.errors import UserError
from msjoe.flags import add_model_arguments, check_pair

log = logging.getLogger("app")


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


def load(args: argparse.Namespace, engine: Engine):
    from msjoe.loading import models_from_args  # torch and transformers: seconds, so on the engine's thread

    models = models_from_args(args)
    models.mllm.interrupted = engine.stopping
    if models.cache is None:
        models.cache = MemoryCache()  # for this process alone: a new search must not look at every frame again
    return models


def main() -> None:
    args = parse_args()
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    for ours in ("app", "demo", "msjoe"):
        logging.getLogger(ours).setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # so that what was registered for the end is done
    try:
        limits, root = limits_from_args(args), checked_root(args.videos)
        keep_small(own_folder(), limits.cache_gb << 30)
        if args.traces:
            browse(args, limits, root)
        else:
            ask(args, limits, root)
    except UserError as e:
        log.error("%s", e)
        sys.exit(2)


def ask(args: argparse.Namespace, limits: Limits, root: Path | None) -> None:
    """The page that answers."""
    from demo.page import PageOptions, build  # gradio: seconds that --help does without

    check_pair(args.mllm, args.clip)  # before there is a page that could only say so
    engine = Engine(limits.max_waiting)
    embedded = not (args.mllm or args.clip)
    page = build(engine, load_examples(), PageOptions(embedded, args.dense_fps, root, limits))
    serve(page, args, limits)
    engine.start(lambda: load(args, engine))  # once the page is up: both at once would keep a visitor waiting
    page.block_thread()


def browse(args: argparse.Namespace, limits: Limits, root: Path | None) -> None:
    """The page that shows what was saved."""
    from demo.archive import Archive
    from demo.traces_page import build

    page = build(Archive.scan(args.traces), load_examples(), limits, root)
    serve(page, args, limits)
    page.block_thread()


def serve(page, args: argparse.Namespace, limits: Limits) -> None:
    from demo.page import launch_options

    try:
        page.launch(
            server_name=args.host,
            server_port=args.port,
            prevent_thread_lock=True,
            quiet=True,
            **launch_options(limits),
        )
    except OSError as e:
        raise UserError(
            f"the page cannot be served at {args.host}:{args.port}: choose another --host or --port ({e})"
        ) from e
    log.info("the page is up: %s", page.local_url)


if __name__ == "__main__":
    main()
