"""From demand, facts and objectives to a plan and a policy. Pure."""
