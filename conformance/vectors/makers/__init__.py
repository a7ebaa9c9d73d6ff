"""The vectors, a file of them in each module; ``generate`` writes them all."""
