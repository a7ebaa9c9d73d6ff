"""
The protocol read a second time, for partners who build a gateway of their own.

``vectors/`` holds the cases as data: one fault each, one outcome each. ``check.py`` is a small reading of
``docs/protocol.md`` that decides every vector without any code of the gateway; it imports ``schemas`` and nothing else
of this house. ``vectors/generate.py`` makes the vectors.
"""
