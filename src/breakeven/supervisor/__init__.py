"""Starts the processes of `serve`, watches and restarts them, and stops them in order."""
