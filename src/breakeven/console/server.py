"""The console's ASGI application and its process."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from breakeven.console import decide, export, guard, life, overview, query, render, tracking, unit_cost, verify
from breakeven.console.source import Fresh, Source
from breakeven.console.view import Page, View
from breakeven.errors import BreakevenError, UsageError

Build = Callable[[Source, query.Query], View]

PAGES: dict[Page, Build] = {
    "overview": overview.build,
    "unit-cost": unit_cost.build,
    "decide": decide.build,
    "tracking": tracking.build,
    "verify": verify.build,
}


def asgi_app(source: Source, *, hosts: Iterable[str] = ()) -> Starlette:
    """The pages over a source. `hosts` are names to answer for besides localhost and numeric addresses."""
    fresh = Fresh(source)
    routes: list[BaseRoute] = [route for page, build in PAGES.items() for route in _routes(page, build, fresh)]
    routes += [
        Route("/healthz", _healthy, methods=["GET"]),
        Route("/metrics", _metrics(fresh), methods=["GET"]),
        Mount("/static", StaticFiles(directory=render.STATIC), name="static"),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(guard.Guard, hosts=tuple(hosts))],
        exception_handlers={404: _missing, BreakevenError: _problem},
    )


def _routes(page: Page, build: Build, source: Source) -> list[Route]:
    def html(request: Request) -> Response:
        asked = query.parse(request.query_params)
        return HTMLResponse(render.page(build(source, asked), asked), headers=_UNCACHED)

    def json(request: Request) -> Response:
        asked = query.parse(request.query_params)
        content = export.to_json(build(source, asked), asked)
        return Response(content, media_type="application/json", headers=_UNCACHED)

    def csv(request: Request) -> Response:
        asked = query.parse(request.query_params)
        named = {"content-disposition": f'attachment; filename="breakeven-{page}.csv"'}
        return Response(
            export.to_csv(build(source, asked)), media_type="text/csv; charset=utf-8", headers=_UNCACHED | named
        )

    return [
        Route(render.PATHS[page], html, methods=["GET"]),
        Route(f"/{page}.json", json, methods=["GET"]),
        Route(f"/{page}.csv", csv, methods=["GET"]),
    ]


_UNCACHED = {"cache-control": "no-store"}


def _metrics(source: Source) -> Callable[[Request], Response]:
    def metrics(_: Request) -> Response:
        return PlainTextResponse(source.metrics(), media_type="text/plain; version=0.0.4", headers=_UNCACHED)

    return metrics


async def _healthy(_: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _missing(request: Request, _: Exception) -> Response:
    known = ", ".join(render.PATHS.values())
    error = UsageError(f"there is no page {request.url.path}", f"the pages are {known}, each with .json and .csv")
    return _answer(request, error, 404)


async def _problem(request: Request, error: Exception) -> Response:
    if not isinstance(error, BreakevenError):
        raise error
    return _answer(request, error, 400 if isinstance(error, UsageError) else 503)


def _answer(request: Request, error: BreakevenError, status: int) -> Response:
    if request.url.path.endswith((".json", ".csv")):
        body = {"error": {"code": error.code, "message": error.message, "way_out": error.way_out}}
        return JSONResponse(body, status_code=status, headers=_UNCACHED)
    try:
        asked = query.parse(request.query_params)
    except UsageError:
        asked = query.Query()
    return HTMLResponse(render.problem(error, asked, request.url.path), status_code=status, headers=_UNCACHED)


def run(
    source: Source,
    host: str,
    port: int,
    parent_pipe_fd: int | None = None,
    on_bound: Callable[[int], None] | None = None,
) -> None:
    """Serve the console until a signal, or until the parent's pipe closes; `on_bound` is told the port.

    Raises:
        TakenError: the port is taken.
        UsageError: the host is not an address of this machine.
    """
    listener = life.bind(host, port)
    if on_bound is not None:
        on_bound(listener.getsockname()[1])
    config = uvicorn.Config(
        asgi_app(source, hosts=(host,)),
        lifespan="off",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)

    def stop() -> None:
        server.should_exit = True

    life.when_closed(parent_pipe_fd, stop)
    with listener:
        server.run(sockets=[listener])
