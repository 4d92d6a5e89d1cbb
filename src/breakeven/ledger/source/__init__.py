"""One reader for each log format that exists without a gateway."""
