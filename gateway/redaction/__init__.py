"""
Free text made safe, or held: what one person wrote about another, before it may leave.

``refuse`` says which text is not text at all, ``tokens`` cuts it, ``language`` names its language, ``patterns`` finds
what has a form (numbers, addresses of mail, plates), ``tagger`` finds what only context tells (names, places to stay,
illness), ``stop`` judges whether the text tells of a wish for protection, ``redact`` joins them, and ``leaks`` compares
the outcome with the case's own record. All are functions over text; a worker process runs them (``worker``).
"""
