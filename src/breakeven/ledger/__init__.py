"""Predictions, capacity and outcomes kept durably, and the statement made of them."""
