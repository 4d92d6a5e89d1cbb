"""Pure decisions of the request path: (policy, state, event, now) -> (state, action)."""
