"""
Free text made safe, or held: what one person wrote about another, before it may leave.

``refuse`` says which text is not text at all, ``tokens`` cuts it, ``language`` names its language, ``patterns`` finds
what has a form (numbers, addresses of mail, plates), ``tagger`` finds what only context tells (names, places to stay,
illness), ``stop`` judges whether the text tells of a wish for protection, ``redact`` joins them.

``leaks`` compares the outcome with what the case's own record holds (``secrets``): as the text is ``seen``, by the
``likeness`` of words, and dates as they are said (``said_dates``). All are functions over text;
``gateway.transport.redaction_worker`` runs the reading in a process of its own.
"""
