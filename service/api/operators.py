"""For operators, load balancers and Prometheus: how things stand."""

from __future__ import annotations

from service import metrics
from service.api import shapes
from service.api.operations import Call, Open, Operation, Reply, answer
from service.api.services import Services


def live(_services: Services, _call: Call) -> Reply:
    """Tell that the process answers at all."""
    return answer(200, {"status": "live"})


def ready(services: Services, _call: Call) -> Reply:
    """Tell whether to send requests here: no only while starting or draining."""
    report = services.health.ready()
    return answer(
        200 if report.ready else 503,
        {
            "status": report.status,
            "degraded": report.degraded,
            "parts": {name: {"status": "up" if up else "down"} for name, up in report.parts.items()},
            "oldest_unprocessed_event_seconds": report.oldest_unprocessed_event_seconds,
            "stuck_events": report.stuck_events,
        },
    )


def show_metrics(services: Services, _call: Call) -> Reply:
    """Return what all processes counted, how old the oldest event is that waits, and how many are stuck."""
    report = services.health.ready()
    text = metrics.exposition(report.oldest_unprocessed_event_seconds, services.paid_but_refused(), report.stuck_events)
    return Reply(status=200, body=text.decode(), media_type=metrics.MEDIA_TYPE)


LIVE = Operation(
    method="GET",
    path="/health/live",
    name="live",
    tag="For operators",
    summary="Does the process answer at all?",
    access=Open.PUBLIC,
    view=live,
    answers={200: shapes.Live},
    example_answer={"status": "live"},
)

READY = Operation(
    method="GET",
    path="/health/ready",
    name="ready",
    tag="For operators",
    summary="Should requests be sent here?",
    description=(
        "200 while the failure policy can still answer, with what is missing in `degraded`; 503 only while starting "
        "or draining. In the sandbox 200 only once every part is up."
    ),
    access=Open.PUBLIC,
    view=ready,
    answers={200: shapes.Health, 503: shapes.Health},
    example_answer={
        "status": "degraded",
        "degraded": ["redis"],
        "parts": {"redis": {"status": "down"}, "database": {"status": "up"}},
        "oldest_unprocessed_event_seconds": 0.4,
        "stuck_events": {"failed": 0, "quarantined": 1},
    },
)

METRICS = Operation(
    method="GET",
    path="/metrics",
    name="metrics",
    tag="For operators",
    summary="Prometheus metrics of all processes together",
    description=(
        "Open to whoever reaches this port, as are the health checks: it holds counts alone, no ids and no personal "
        "data. Keep the port on a private network."
    ),
    access=Open.PUBLIC,
    view=show_metrics,
    answers={200: metrics.MEDIA_TYPE},
)
