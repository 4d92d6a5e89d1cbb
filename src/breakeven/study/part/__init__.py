"""The parts an option may have; each turns its section into flows."""
