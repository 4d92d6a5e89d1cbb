"""Questions about levers, as people write them."""
