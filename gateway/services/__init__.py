"""The order of work. Services are asynchronous and see the world through ``ports`` only."""
