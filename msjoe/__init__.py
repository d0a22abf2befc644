"""MSJoE: question answering about long videos from a few key-frames (arXiv 2602.22932).

The four steps, each in a module of its own:
1. ``mllm``      previews and question -> visual queries
2. ``clip``      queries and every second of the video -> similarity matrix
3. ``sampler``   similarity matrix -> weights -> K frames
4. ``mllm``      question and the K frames -> answer

``pipeline`` runs them in order and ``trace`` keeps what each one produced.
"""

__version__ = "0.1.0"
