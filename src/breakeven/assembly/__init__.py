"""Joins settings, catalog and performance model for `app`: prices, curves, policies, processes."""
