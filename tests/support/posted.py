"""What was posted, opened as its recipient opens it."""

from gateway.core import envelope, wire
from keys import jws
from tests.support.network import Network


def payloads(network: Network, country: str, at: str = "/xg/1/messages") -> list[wire.Payload]:
    """Return what was posted to ``country`` at one path, opened with its own keys."""
    context = network.gateways[country].context
    found = []
    for to, path, raw in network.wires.posted:
        if to == country and path == at:
            parsed = envelope.parse(raw, context.suites)
            plain = context.opener(parsed.kid, network.clock.now()).open(parsed.head, parsed.enc_ct)
            found.append(wire.parse_payload(jws.parse(envelope.unpad(plain), jws.TYP_MESSAGE).payload))
    return found
