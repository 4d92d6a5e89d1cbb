"""What engines and accelerators expose of themselves, as loads of a deployment."""
