"""lm-eval's `hf` model, timed in a process of its own Python: its pins are not ours.

    PYTHON lm_eval_process.py CHECKPOINT BATCH < requests.json > found.json

Loading is not timed. Stands alone: that Python has no llm_eval.
"""

import json
import sys
import time
from typing import Any


def main() -> None:
    """Score and write what standard input asks for."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    checkpoint, batch = sys.argv[1:]
    asked: dict[str, Any] = json.load(sys.stdin)
    model = HFLM(pretrained=checkpoint, device="cpu", dtype="float32", batch_size=int(batch))
    pairs = [(row["context"], choice) for row in asked["choices"] for choice in row["choices"]]
    started = time.perf_counter()
    found = model.loglikelihood(
        [Instance("loglikelihood", {}, pair, n) for n, pair in enumerate(pairs)]
    )
    scored = time.perf_counter() - started
    options = {"until": [], "max_gen_toks": asked["max_tokens"], "do_sample": False}
    started = time.perf_counter()
    texts = model.generate_until(
        [Instance("generate_until", {}, (p, options), n) for n, p in enumerate(asked["prompts"])]
    )
    written = time.perf_counter() - started
    result = {"scored_s": scored, "written_s": written, "found": found, "texts": texts}
    sys.stdout.write("\n" + json.dumps(result))


if __name__ == "__main__":
    main()
