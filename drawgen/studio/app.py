"""The server: the page, its files, jobs, questions, uploads and events."""

import asyncio
import contextlib
import html
import json
import re
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response, StreamingResponse
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

import drawgen
from drawgen import files
from drawgen.studio import photos, tabs
from drawgen.studio.job_queue import Job, JobQueue
from drawgen.studio.processes import Answerers
from drawgen.studio.safety import Guard
from drawgen.studio.settings import FILE, ID, TYPES, Photo, first_problem, sentence
from drawgen.studio.uploads import LARGEST, SHOWN, TooLarge, Uploads

PAGE = Path(__file__).parent / "page"
COLOURS = Path(drawgen.__file__).parent / "look.css"
"""Colours and type, which the gallery has, too."""
PAGE_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
BEAT_S = 15.0
"""An idle stream of events says so this often, so that a closed page is noticed."""


class Studio:
    """A folder, its jobs and its processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.token = secrets.token_urlsafe(24)
        self.uploads = Uploads(folder / "uploads")
        self.queue = JobQueue(folder / "jobs")
        self.answerers = Answerers(folder)
        self.loop: asyncio.AbstractEventLoop | None = None

    @contextlib.asynccontextmanager
    async def running(self, _app: FastAPI) -> AsyncIterator[None]:
        self.uploads.clean()
        self.queue.recover()
        self.loop = asyncio.get_running_loop()
        task = asyncio.create_task(self.queue.run())
        self.answerers.start()
        try:
            yield
        finally:
            await self.queue.end()
            await task
            await self.answerers.end()

    def hang_up(self) -> None:
        """Ends the streams of events and the questions, for which a server would wait. For any thread, and signal handlers."""

        def end() -> None:
            self.queue.tell({})
            self.answerers.kill()

        if self.loop is not None:
            self.loop.call_soon_threadsafe(end)

    def job(self, name: str) -> Job:
        """Raises HTTPException."""
        try:
            return self.queue.find(name)
        except KeyError:
            raise HTTPException(404, "This job is no longer there.") from None

    def page(self) -> str:
        """The page, with its tabs and the token."""
        buttons, panels, looks = [], [], []
        for name, title in tabs.TABS.items():
            buttons.append(
                f'<button role="tab" id="tab-{name}" aria-controls="{name}" aria-selected="false" tabindex="-1">{title}</button>'
            )
            content = (PAGE / f"{name}.html").read_text(encoding="utf-8")
            panels.append(f'<section role="tabpanel" id="{name}" aria-labelledby="tab-{name}" hidden>\n{content}</section>')
            if (PAGE / f"{name}.css").is_file():
                looks.append(f'<link rel="stylesheet" href="/page/{name}.css">')
        filled = {
            "token": self.token, "version": drawgen.__version__, "limit": str(LARGEST), "samples": " ".join(photos.samples()),
            "folder": str(self.folder),
        }  # fmt: skip
        text = (PAGE / "index.html").read_text(encoding="utf-8")
        for name, value in filled.items():
            text = text.replace(f"{{{{{name}}}}}", html.escape(value))
        parts = {"buttons": buttons, "panels": panels, "looks": looks}
        for name, lines in parts.items():
            text = text.replace(f"{{{{{name}}}}}", "\n".join(lines))
        return text


def create_app(studio: Studio, hosts: frozenset[str]) -> Any:
    """The server's application, which answers to these hosts alone."""
    app = FastAPI(lifespan=studio.running, openapi_url=None, docs_url=None, redoc_url=None)

    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> Response:
        return JSONResponse({"sentence": error.detail}, error.status_code)

    @app.exception_handler(404)
    async def missing(_request: Request, error: Any) -> Response:
        detail = error.detail if error.detail != "Not Found" else "There is nothing here."
        return JSONResponse({"sentence": detail}, 404)

    # ---------------------------------------------------------------- the page

    @app.get("/")
    async def page() -> Response:
        return HTMLResponse(studio.page())

    served = {path.name: path for path in PAGE.iterdir() if path.suffix in PAGE_TYPES} | {"colours.css": COLOURS}

    @app.get("/page/{name}")
    async def page_file(name: str) -> Response:
        if name not in served:
            raise HTTPException(404, "There is nothing here.")
        return FileResponse(served[name], media_type=PAGE_TYPES[served[name].suffix])

    @app.get("/samples/{name}")
    async def sample(name: str) -> Response:
        if name not in photos.samples():
            raise HTTPException(404, "There is no such photograph.")
        return FileResponse(photos.samples()[name])

    # ---------------------------------------------------------------- uploads

    @app.put("/uploads")
    async def upload(request: Request, name: str = "") -> Any:
        shown = name.replace("\\", "/").rsplit("/", 1)[-1][:120] or "the photograph"
        try:
            ident, file = await studio.uploads.receive(shown, request.stream())
        except TooLarge as error:
            raise HTTPException(413, str(error)) from None
        except files.StorageError as error:
            raise HTTPException(507, sentence(str(error))) from None
        try:
            found = await studio.answerers.ask("photo.look", {"upload": ident, "file": file.name, "name": shown})
            return studio.uploads.keep(ident, shown, [found["height"], found["width"]])
        except (ValueError, files.StorageError) as error:
            studio.uploads.drop(ident)
            raise HTTPException(422, sentence(str(error))) from None

    @app.get("/uploads/{ident}")
    async def uploaded(ident: str) -> Response:
        file = studio.uploads.folder / checked(ident, ID) / SHOWN
        if not file.is_file():
            raise HTTPException(404, "This photograph is no longer there; choose it again.")
        return FileResponse(file)

    # ---------------------------------------------------------------- short work

    @app.post("/ask/{name}")
    async def ask(name: str, request: Request) -> Any:
        light = tabs.lookups().get(name)
        task = light or tabs.questions().get(name)
        if task is None or task.tab not in tabs.TABS:
            raise HTTPException(404, "There is no such question.")
        asked = await read(task, request)
        try:
            if light is not None:
                return {"answer": await asyncio.to_thread(light.function, asked, studio.folder)}
            return {"answer": await studio.answerers.ask(name, asked.model_dump())}
        except ValueError as error:
            raise HTTPException(422, sentence(str(error))) from None

    # ---------------------------------------------------------------- long work

    @app.get("/jobs")
    async def jobs() -> Any:
        return [job.described() for job in studio.queue.jobs.values()]

    @app.post("/jobs/{kind}")
    async def start(kind: str, request: Request) -> Any:
        task = tabs.jobs().get(kind)
        if task is None:
            raise HTTPException(404, "There is no such work.")
        asked = await read(task, request)
        photo: Photo | None = getattr(asked, "photo", None)
        try:
            file, name = (None, getattr(asked, "title", kind)) if photo is None else studio.uploads.of(photo)
            if photo is not None and photo.sample is not None and photo.sample not in photos.samples():
                raise KeyError(photo.sample)
            job = studio.queue.put(kind, task.tab, name, asked.model_dump(), file, name)
        except KeyError:
            raise HTTPException(404, "This photograph is no longer there; choose it again.") from None
        except files.StorageError as error:
            raise HTTPException(507, sentence(str(error))) from None
        return job.described()

    @app.post("/jobs/{name}/stop")
    async def stop(name: str) -> Any:
        studio.queue.stop(studio.job(name))
        return studio.job(name).described()

    @app.post("/jobs/{name}/go-on")
    async def go_on(name: str) -> Any:
        studio.queue.go_on(studio.job(name))
        return studio.job(name).described()

    @app.delete("/jobs/{name}")
    async def delete(name: str) -> Any:
        try:
            studio.queue.delete(studio.job(name))
        except ValueError as error:
            raise HTTPException(409, str(error)) from None
        return {}

    @app.get("/jobs/{name}/files/{file}")
    async def job_file(name: str, file: str, save: str = "") -> Response:
        try:
            path = studio.job(name).file(checked(file, FILE))
        except KeyError:
            raise HTTPException(404, "This file is no longer there.") from None
        download = checked(save, FILE) if save else None
        return FileResponse(path, media_type=TYPES[path.suffix], filename=download)

    @app.get("/events")
    async def events() -> Response:
        return StreamingResponse(streamed(studio), media_type="text/event-stream")

    return Guard(app, hosts=hosts, token=studio.token)


async def read(task: tabs.Task, request: Request) -> Any:
    """The settings in a request's body. Raises HTTPException with a sentence."""
    try:
        given = json.loads(await request.body())
        if not isinstance(given, dict):
            raise ValueError
    except ClientDisconnect:  # or `safety.limited`, which has cut it off
        raise HTTPException(413, "That is too much at once.") from None
    except (ValueError, RecursionError):
        raise HTTPException(400, "The settings are not JSON.") from None
    try:
        return task.settings(**given)
    except ValidationError as error:
        raise HTTPException(422, sentence(first_problem(error))) from None
    except TypeError:  # a name that is no name
        raise HTTPException(422, "The settings have a name that is none.") from None


def checked(name: str, pattern: str) -> str:
    """A name that is no path. Raises HTTPException."""
    if not re.fullmatch(pattern, name):
        raise HTTPException(404, "There is nothing here.")
    return name


async def streamed(studio: Studio) -> AsyncIterator[str]:
    """Server-sent events: all jobs first, and then what changes, until an empty event."""
    listener: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    studio.queue.listeners.add(listener)
    try:
        jobs = [job.described() for job in studio.queue.jobs.values()]
        yield f"data: {json.dumps({'token': studio.token, 'jobs': jobs})}\n\n"
        while True:
            try:
                event = await asyncio.wait_for(listener.get(), BEAT_S)
                if not event:
                    return
                yield f"data: {json.dumps(event)}\n\n"
            except TimeoutError:
                yield ": still here\n\n"
    finally:
        studio.queue.listeners.discard(listener)
