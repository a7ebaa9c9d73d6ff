"""
The protocol read a second time, and a gateway judged by it from outside: the conformance suite.

``reading`` and ``writing`` are a small reading of ``docs/protocol.md`` without any code of the gateway; the suite
imports ``schemas`` and nothing else of this house. ``vectors/`` holds cases as data, which ``check`` decides.
``cases/`` holds what is played against a gateway: ``registry`` says what a case is, ``play`` and ``talk`` are what it
is written in, ``state`` and ``door`` the partners, ``line`` the man in the middle, ``run`` and ``report`` what comes
of it. ``cli`` is the command; ``docs/partners.md`` says how to use it.
"""
