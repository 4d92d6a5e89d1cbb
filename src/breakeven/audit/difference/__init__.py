"""What two plans, two policies or two statements differ in. Pure."""
