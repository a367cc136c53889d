"""How long `llm-eval --help` takes, against a bare interpreter."""

import statistics
import subprocess
import sys
import time

from benchmarks.table import show

ROUNDS = 15
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "llm-eval --help": ["-m", "llm_eval", "--help"],
    "llm-eval run --help": ["-m", "llm_eval", "run", "--help"],
}


def main() -> None:
    """Alternate the commands; medians and ratios."""
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, arguments in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
            seconds[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    bare = medians["python -c pass"]
    show(
        ["command", "median ms", "× bare", "goal"],
        [
            (
                name,
                f"{1000 * median:.0f}",
                f"{median / bare:.1f}",
                "≤ 3" if name == "llm-eval --help" else "",
            )
            for name, median in medians.items()
        ],
    )


if __name__ == "__main__":
    main()
