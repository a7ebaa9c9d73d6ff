"""The cases as data, and the program that makes them."""
