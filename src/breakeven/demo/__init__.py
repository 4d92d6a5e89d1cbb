"""The whole loop on real logged data, driven through the real processes."""
