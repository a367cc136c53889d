"""`python -m benchmarks [NAME…]`: every claim about speed, measured in one run, as ratios.

Machines are noisy: each figure is the median of alternating rounds, and what is compared runs in
the same minute on the same core.
"""

import argparse
import importlib
import os

NAMES = (
    "start_up",
    "scoring",
    "engine",
    "refusals",
    "peers",
    "scale",
    "compare",
    "exports",
    "tracing_overhead",
    "local_models",
)


def main() -> None:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    for name in parser.parse_args().names or NAMES:
        print(f"\n## {name}\n", flush=True)
        importlib.import_module(f"benchmarks.{name}").main()
    print(
        f"\nload average at the end: {os.getloadavg()[0]:.1f} (above 2: do not trust the figures)"
    )


if __name__ == "__main__":
    main()
