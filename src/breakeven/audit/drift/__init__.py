"""What changed, by comparing days with days."""
