"""
The demonstration: two invented States, XAA and XBB, and everything real between them.

Read ``story.py`` for what happens, ``clerk.py`` and ``register.py`` for why XBB answers as it does, ``states.py`` for
how two gateways come to be in one process. Nothing here is used by a gateway that runs.
"""
