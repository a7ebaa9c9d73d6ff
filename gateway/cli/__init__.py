"""The command line: it knows everything and decides nothing."""
