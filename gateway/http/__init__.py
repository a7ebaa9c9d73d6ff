"""
The doors of a gateway: one for partners, one for a ministry's own system.

They carry bytes in and out and decide nothing.
"""
