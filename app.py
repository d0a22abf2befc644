"""Start the page: ``python app.py``. Also the entry point of a hosted Space."""

import argparse
import logging
import sys

from demo.engine import Engine
from demo.examples import load_examples
from msjoe.flags import add_model_arguments

log = logging.getLogger("app")


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Ask about long videos in the browser. Without flags the embedded miniatures answer."
    )
    page = parser.add_argument_group("page")
    page.add_argument("--host", default=None, help="address to listen on (default: this machine only)")
    page.add_argument("--port", type=int, default=None, help="port (default: the first free one from 7860)")
    page.add_argument("--max-upload-mb", type=int, default=2048, help="largest video that is taken (default: 2048)")
    page.add_argument("--max-waiting", type=int, default=16, help="runs that may wait in line (default: 16)")
    page.add_argument("--dense-fps", type=float, default=1.0, help="frames a second for CLIP (default: 1)")
    add_model_arguments(parser)
    return parser.parse_args()


def load(args: argparse.Namespace):
    from msjoe.loading import models_from_args  # torch and transformers: seconds, so on the engine's thread

    return models_from_args(args)


def main() -> None:
    args = parse_args()
    from demo.page import PageOptions, build, launch_options  # gradio: seconds that --help does without

    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    for ours in ("app", "demo", "msjoe"):
        logging.getLogger(ours).setLevel(logging.INFO)
    engine = Engine()
    options = PageOptions(embedded=not (args.mllm or args.clip), dense_fps=args.dense_fps, max_waiting=args.max_waiting)
    page = build(engine, load_examples(), options)
    try:
        page.launch(
            server_name=args.host,
            server_port=args.port,
            max_file_size=args.max_upload_mb << 20,
            ssr_mode=False,
            footer_links=[],
            prevent_thread_lock=True,
            quiet=True,
            **launch_options(),
        )
    except OSError as e:
        log.error("the page cannot be served at %s:%s: choose another --host or --port (%s)", args.host, args.port, e)
        sys.exit(2)
    log.info("the page is up: %s", page.local_url)
    engine.start(lambda: load(args))  # once the page is up: both at once would keep a visitor waiting
    page.block_thread()


if __name__ == "__main__":
    main()
