"""
Play random walks: any step of a return behind any other, with what is said lost and backups put back between.

The play ``walk`` of the simulation, many seeds of it (``docs/simulation.md``).

    python -m drills.walks [--seeds 300] [--start 0] [--jobs N] [--json] [--trace]

Exit status 1 at any violation, with the command that plays the seed again.
"""

import sys

from drills.simulation import main

if __name__ == "__main__":
    sys.exit(main(["--play", "walk", "--seeds", "300", *sys.argv[1:]]))
