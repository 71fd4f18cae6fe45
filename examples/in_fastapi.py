"""camcast and its HTTP interface inside a FastAPI application of your own: one process, your routes beside camcast's.

    pip install fastapi
    CAMCAST_CHANGE=a-token python examples/in_fastapi.py system_config.json [port]

/docs shows your own routes, /camcast/ is camcast's page, and /camcast/api/v1/openapi.json describes camcast's.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, HTTPException

from camcast import ConfigError, Engine, NotFound
from camcast_http.access import Policy
from camcast_http.app import Interface


def application(path: str) -> FastAPI:
    """The application that runs the cameras of this file for as long as it is served."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Engine.from_file(path) as engine:
            app.state.engine = engine
            # Everybody who can connect may look; whoever knows the token may change. Nobody, where there is none.
            interface = Interface(engine.view(), Policy(change_token=os.environ.get("CAMCAST_CHANGE", "")))
            app.mount("/camcast", interface.app)
            following = asyncio.create_task(interface.follow())
            try:
                yield
            finally:
                following.cancel()
                await asyncio.wait({following})

    app = FastAPI(title="The gate", lifespan=lifespan)

    @app.get("/well")
    async def well() -> dict[str, bool]:
        """Whether each output is on the air: a route of one's own, on the engine's own loop."""
        return {one.label: one.healthy for one in app.state.engine.stats().sessions}

    @app.delete("/gate/{camera}")
    async def close_gate(camera: int) -> dict[str, int]:
        """Take a camera away; the others lose no frame."""
        try:
            await app.state.engine.remove_camera(camera)
        except NotFound as error:
            raise HTTPException(404, str(error)) from None
        return {"removed": camera}

    return app


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    try:
        uvicorn.run(application(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]) if len(sys.argv) > 2 else 8000)
    except ConfigError as error:
        sys.exit(str(error))
