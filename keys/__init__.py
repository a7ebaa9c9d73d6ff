"""
Identities: bytes and instants in, values out.

    b64 ids instants     the one text of bytes, of a key's name, of an instant
    sign jws             Ed25519, and the one form of JWS
    seal                 HPKE with the two post-quantum hybrids
    card statement       which key is whose; what a person or an authority signed
    trust_list trust_policy trust_words   who says so for all States; what the trustees decide; fingerprints aloud
    custody rest         where secrets lie; how stored rows are sealed
    selftest errors      known answers at start-up; everything that can be wrong
"""
