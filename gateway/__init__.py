"""
A gateway that asks and answers whether a person is a national or a permanent resident, between States.

Where to begin: ``app`` puts the parts together; ``services.receive`` is what happens to an envelope; and
``core.verification`` is the table of everything that can happen to a case. Imports go down only:
``cli`` > ``demo`` > ``app`` and what else stands here > ``http`` ``web`` ``storage`` ``transport`` > ``services`` >
``redaction`` > ``core`` > ``keys`` > ``schemas``.
"""

__version__ = "0.1.0"
