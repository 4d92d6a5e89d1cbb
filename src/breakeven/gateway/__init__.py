"""The process in the request path: the shell around pure decisions."""
