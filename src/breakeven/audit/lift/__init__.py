"""Lift of an experiment: effects by subject, intervals that hold at every look, and what forbids believing them."""
