"""The miniature MLLM: the real one's classes with a small config."""

from transformers.models.qwen2_5_vl.configuration_qwen2_5_vl import Qwen2_5_VLVisionConfig

TEXT_WIDTH = 192


def vision_config() -> Qwen2_5_VLVisionConfig:
    """Four blocks that all attend the whole image (of up to 112 x 112)."""
    return Qwen2_5_VLVisionConfig(
        depth=4,
        hidden_size=128,
        intermediate_size=256,
        num_heads=4,
        out_hidden_size=TEXT_WIDTH,
        fullatt_block_indexes=[0, 1, 2, 3],
    )
