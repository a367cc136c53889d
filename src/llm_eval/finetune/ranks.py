"""Several processes that train one model, as `accelerate launch` and `torchrun` start them.

The first one validates, saves and speaks; all of them stop together.
"""

import os
from typing import Any

from llm_eval.models.hf.libraries import libraries


def is_first() -> bool:
    """Whether this process is the only one, or the first of several."""
    return int(os.environ.get("RANK", "0")) == 0


def n_processes() -> int:
    """How many train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_sharded() -> bool:
    """Whether the base is spread over the processes (FSDP) instead of being whole in each."""
    return n_processes() > 1 and os.environ.get("ACCELERATE_USE_FSDP") == "true"


def local_device() -> str:
    """The GPU of this process."""
    return f"cuda:{os.environ.get('LOCAL_RANK', '0')}"


def whole_weights(trainer: Any) -> Any:
    """All weights, gathered from the processes that they are spread over; None: each has them."""
    return trainer.accelerator.get_state_dict(trainer.model) if is_sharded() else None


def agree(value: bool) -> bool:
    """What the first process says, in every process."""
    group = _group()
    if group is None:
        return value
    said = [value]
    group.broadcast_object_list(said, src=0)
    return said[0]


def wait_for_all() -> None:
    """Go on when every process has come so far."""
    group = _group()
    if group is not None:
        group.barrier()


def leave() -> None:
    """End the group, so that no process waits for one that is gone."""
    group = _group()
    if group is not None:
        group.destroy_process_group()


def _group() -> Any:
    """torch.distributed where there are several processes."""
    distributed = libraries()[0].distributed
    return distributed if distributed.is_available() and distributed.is_initialized() else None
