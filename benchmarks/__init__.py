"""
What this machine can do: each figure beside the bare work it is made of, measured in the same run.

Run one (``python -m benchmarks.accept``) or all (``python -m benchmarks``). Nothing here is a test, and nothing fails
on a slow machine: targets are printed beside the figures. ``docs/performance.md`` says how to read them.
"""
