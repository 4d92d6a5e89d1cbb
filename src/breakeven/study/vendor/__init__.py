"""Vendor proposals on one workload: costed at every load, checked, questioned and ranked."""
