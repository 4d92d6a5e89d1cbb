"""Starts, watches and stops the processes of `serve`."""
