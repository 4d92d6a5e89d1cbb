"""A group with a command of its own: `breakeven tco CASE.yaml` beside `breakeven tco check PATH`."""

from __future__ import annotations

import click


class WithDefault(click.Group):
    """What is no subcommand is an argument of the command named `default`, which help does not list."""

    default = "show"

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of the default command, which are those of the group."""
        self.commands[self.default].format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The subcommand named first, otherwise the default one with everything as its arguments."""
        known = args and args[0] in self.commands
        return super().resolve_command(ctx, args if known else [self.default, *args])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Options in front belong to the command that is named after them, else to the default one; but for help."""
        if args and args[0].startswith("-") and args[0] not in {"-h", "--help"}:
            args = self._named_first(ctx, args)
        return super().parse_args(ctx, args)

    def _named_first(self, ctx: click.Context, args: list[str]) -> list[str]:
        default = self.commands[self.default]
        options = click.Command(None, params=[one for one in default.params if isinstance(one, click.Option)])
        _, rest, _ = options.make_parser(ctx).parse_args(list(args))
        front = args[: len(args) - len(rest)]
        return [rest[0], *front, *rest[1:]] if rest and rest[0] in self.commands else [self.default, *args]


class Bare(WithDefault):
    """Without any argument it is the default command too."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """No argument is the default command without any."""
        return super().parse_args(ctx, args or [self.default])
