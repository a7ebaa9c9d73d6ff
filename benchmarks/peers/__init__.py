"""
What others use for the same errand, measured in the same run as ours: AS2, signed and encrypted e-mail, JOSE.

Rule 1: each peer does its whole work with its own code, in the setting in which it was fastest here.
Rule 2: rounds are taken in turns, so that a slow moment of the machine meets everybody.
Rule 3: what a peer does not do is said beside its figure, and is not charged to it.

``docs/benchmarks.md`` says what is compared with what.
"""
