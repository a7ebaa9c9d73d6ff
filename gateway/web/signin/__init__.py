"""
Signing in: ``passkeys`` and ``codes`` (own means), ``openid`` (the State's own sign-on), ``approve`` and ``hand`` (a
person's word under one act), ``cookies`` and ``pages``.
"""
