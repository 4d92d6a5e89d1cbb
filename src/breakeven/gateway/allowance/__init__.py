"""Budgets, quotas and token buckets, leased to the workers of one data directory from a SQLite file."""
