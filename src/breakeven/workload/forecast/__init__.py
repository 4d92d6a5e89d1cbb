"""What demand will be, as quantiles that are held to what came. Pure."""
