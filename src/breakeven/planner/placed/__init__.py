"""What is neither a replica nor tokens at a price: provisioned units of an API, and devices at the edge."""
