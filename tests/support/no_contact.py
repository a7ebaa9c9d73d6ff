"""A State on the list of those that are not contacted, for tests of what the list does."""

from tests.support.network import Network


async def listed(network: Network) -> None:
    """Put XBB on the list of XAA, by two persons."""
    keeper = network.gateways["XAA"].no_contact
    await keeper.propose("XBB", "its registry passes our questions on", "second", "liaison_officer")
    await keeper.confirm("XBB", "confirmed by our embassy", "board", "foreign_affairs")
