"""Where gunicorn finds the web service: `service.app:create_app()`. The parts are put together in `service.assembly`."""

from service.assembly.web import create_app

__all__ = ["create_app"]
