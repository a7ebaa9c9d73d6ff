"""
The cases, one file for each part of the protocol.

``registry.load`` imports every file here; a case says which part it belongs to by the first word of its id.
"""
