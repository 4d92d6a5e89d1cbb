"""Compares promise and fact: verification, lift, reconciliation. Pure."""
