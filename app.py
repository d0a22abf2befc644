"""Start the page: ``python app.py``. Also the entry point of a hosted Space."""

import argparse
import logging

from demo.engine import Engine
from demo.examples import load_examples
from msjoe.loading import add_model_arguments, models_from_args


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Ask about long videos in the browser. Without flags the embedded miniatures answer."
    )
    page = parser.add_argument_group("page")
    page.add_argument("--host", default=None, help="address to listen on (default: this machine only)")
    page.add_argument("--port", type=int, default=None, help="port (default: the first free one from 7860)")
    page.add_argument("--max-upload", default="2gb", help="largest video that is taken (default: 2gb)")
    page.add_argument("--max-waiting", type=int, default=16, help="runs that may wait in line (default: 16)")
    add_model_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    engine = Engine(lambda: models_from_args(args))
    from demo.page import PageOptions, build, launch_options  # gradio: 3 s in which the models already load

    options = PageOptions(embedded=not args.mllm, dense_fps=args.dense_fps, max_waiting=args.max_waiting)
    page = build(engine, load_examples(), options)
    page.launch(
        server_name=args.host,
        server_port=args.port,
        max_file_size=args.max_upload,
        ssr_mode=False,
        footer_links=[],
        **launch_options(),
    )


if __name__ == "__main__":
    main()
