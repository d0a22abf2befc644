"""MSJoE as a model of lmms-eval: ``python -m lmms_eval --model msjoe --model_args budget=32,... --tasks ...``

lmms-eval finds it by the entry point in pyproject.toml. Nothing else in the library imports this package, and it needs
the extra ``msjoe[lmms]``.
"""

from lmms_eval.models.registry_v2 import ModelManifest


def manifests() -> list[ModelManifest]:
    """What the entry point gives; the class is imported when the model is asked for."""
    return [ModelManifest(model_id="msjoe", chat_class_path="msjoe.lmms.model.MsjoeModel")]
