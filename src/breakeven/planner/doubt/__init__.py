"""How sure a plan is: one set of joint draws of everything uncertain, carried to the verdict. Pure."""
