"""Finetune a model: `python3 scripts/train_qlora.py [RECIPE]`; Llama-3.2-3B on the JSON task.

Everything else that `llm-eval train` takes can follow. Several GPUs:
`accelerate launch --config_file configs/accelerate/ddp.yaml scripts/train_qlora.py RECIPE`.
"""

import sys

import _bootstrap  # noqa: F401 - finds the interpreter that has llm_eval

from llm_eval.cli.main import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
