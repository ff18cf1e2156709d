"""The service as production puts it together, in virtual time and with the stand-in at the other end of a wire."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from sqlalchemy import text

from sandbox.simulation.at_stripe import API_BASE, KEY, AtStripe, call
from sandbox.simulation.virtual_time import VirtualTime
from sandbox.standin.store import Json
from service.api.services import Services
from service.assembly.core import Core, build_core
from service.assembly.stripe_side import Surroundings
from service.assembly.web import build_services
from service.assembly.worker import build_jobs
from service.catalog.stripe_offer import apply
from service.jobs import TASKS, Jobs
from service.settings import Settings
from webhooks.rows import Work

SITE = "http://127.0.0.1:8001"
_SECRET = "whsec_of_the_simulation"


@dataclass(frozen=True)
class Paywall:
    """The service's parts. `web` serves Stripe's webhooks."""

    core: Core
    services: Services
    jobs: Jobs
    web: Flask
    time: VirtualTime

    def receive(self, event: Json) -> None:
        """Take a delivery of Stripe's, signed as Stripe signs; raises RuntimeError unless it is acknowledged."""
        body = json.dumps(event, indent=2).encode()
        signed_at = str(self.time.second)
        mark = hmac.new(_SECRET.encode(), f"{signed_at}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={signed_at},v1={mark}"}
        answer = call(self.web, "POST", "/webhooks/stripe", headers, body)
        if answer.status != 200:
            raise RuntimeError(f"{event['id']} ({event['type']}) was answered {answer.status}")

    def work_once(self) -> bool:
        """Do the oldest job that is queued, as a worker does; tell whether there was one."""
        with self.core.engine.begin() as connection:
            job = connection.execute(_NEXT_JOB).one_or_none()
        if job is None:
            return False
        do = {TASKS[Work.SYNC]: self.jobs.sync_customer, TASKS[Work.ROUTE]: self.jobs.route_event}[job.task_name]
        do(job.args["subject_id"])
        return True

    def work(self, sweeps: int = 1) -> None:
        """Do all that is queued, and what each sweep finds."""
        for _ in range(sweeps):
            while self.work_once():
                pass
            self.jobs.sweep()
        while self.work_once():
            pass

    def due_at(self) -> int | None:
        """Return the second after which the next sweep has something to find, or None."""
        with self.core.engine.connect() as connection:
            found = connection.scalar(_NEXT_DUE)
        return None if found is None else int(found.timestamp()) + 1

    def close(self) -> None:
        """Give the connections back."""
        self.core.engine.dispose()
        self.core.quick_engine.dispose()


_NEXT_JOB = text("""
    delete from procrastinate_jobs where id = (select min(id) from procrastinate_jobs where status = 'todo')
    returning task_name, args""")
_NEXT_DUE = text("""
    select min(at) from (
      select min(resync_at) as at from customer_snapshots
      union all select min(coalesce(greatest(not_before, leased_until), dirty_since))
        from customer_syncs where dirty > synced
      union all select min(not_before) from events where status = 'pending' and customer_id is null
      union all select min(not_before) from repeated_cards where settled_at is null
      union all select min(not_before) from warned_charges where settled_at is null) as due""")


def build_paywall(
    database_url: str, redis_url: str, plans_file: Path, at_stripe: AtStripe, time: VirtualTime
) -> Paywall:
    """Put the service together, with its offer at Stripe."""
    settings = Settings.from_environment(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "STRIPE_SECRET_KEY": KEY,
            "STRIPE_WEBHOOK_SECRETS": _SECRET,
            "STRIPE_API_BASE": API_BASE,
            "SUBJECT_KEY": "a-key-for-simulations-of-more-than-32-characters",
            "SITE_ORIGINS": SITE,
            "PLANS_FILE": str(plans_file),
            "WEB_THREADS": "4",
            # Generous: simulations are about what is decided, on machines that may be busy.
            "REDIS_TIMEOUT_SECONDS": "5",
            "DATABASE_TIMEOUT_SECONDS": "30",
            "NEWSSTAND_SANDBOX": "1",
        }
    )
    client = at_stripe.client()
    around = Surroundings(
        client=client, paced=lambda _wait: client, business_clock=time.clock, wall_clock=time.peek,
        monotonic=time.seconds, sleep=time.sleep,
    )  # fmt: skip
    core = build_core(settings, around)
    apply(client, core.catalog)
    services = build_services(core)
    web = Flask("simulation.web")
    for blueprint in services.blueprints:
        web.register_blueprint(blueprint)
    return Paywall(core=core, services=services, jobs=build_jobs(core), web=web, time=time)
