"""``msjoe train joint`` under FSDP2 in CPU processes.

accelerate starts FSDP2 for GPUs only, although torch runs it over gloo too: here accelerate is told that it did, with
the settings of configs/accelerate/fsdp2.yaml.
"""

import sys
from pathlib import Path

import yaml
from accelerate import Accelerator, PartialState
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin

from msjoe.cli import main
from msjoe.rl import joint
from msjoe.rl.loop import new_accelerator
from msjoe.rl.recipe import Recipe

CONFIG = Path(__file__).parents[1] / "configs" / "accelerate" / "fsdp2.yaml"


def cut_accelerator(recipe: Recipe, out: Path) -> Accelerator:
    accelerator = new_accelerator(recipe, out)
    told = yaml.safe_load(CONFIG.read_text())["fsdp_config"]
    plugin = FullyShardedDataParallelPlugin(
        fsdp_version=told["fsdp_version"],
        auto_wrap_policy=told["fsdp_auto_wrap_policy"],
        transformer_cls_names_to_wrap=[told["fsdp_transformer_layer_cls_to_wrap"]],
        reshard_after_forward=told["fsdp_reshard_after_forward"],
        cpu_ram_efficient_loading=told["fsdp_cpu_ram_efficient_loading"],
    )
    for state in (PartialState, AcceleratorState):
        state._shared_state["distributed_type"] = DistributedType.FSDP
    AcceleratorState._shared_state["fsdp_plugin"] = plugin
    assert accelerator.is_fsdp2
    return accelerator


if __name__ == "__main__":
    joint.new_accelerator = cut_accelerator
    sys.exit(main(sys.argv[1:]))
