"""Where gunicorn finds the web service, `service.app:create_app()`; `service.assembly` puts the parts together."""

from service.assembly.web import create_app

__all__ = ["create_app"]
