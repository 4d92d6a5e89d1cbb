"""What applications use: sending outcomes and stages from Python."""

from breakeven.client.tracking import Client as Client
