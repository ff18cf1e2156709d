# Newsstand's image: web, worker and migrate are commands of the same one. compose.yaml shows how they run together.
#   docker build --tag newsstand .
# The Python that the tests run on; requirements/*.txt are compiled for any from 3.11 on.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
WORKDIR /build
COPY requirements/build.txt requirements/base.txt requirements/
# The tools get an environment of their own, so that the one which is shipped has neither pip nor setuptools.
RUN python -m venv tools
RUN tools/bin/pip install --require-hashes --no-deps -r requirements/build.txt
RUN python -m venv --without-pip /opt/newsstand
# --no-deps: the file lists every package; --require-hashes: and exactly these builds of them.
RUN tools/bin/pip --python /opt/newsstand/bin/python install --require-hashes --no-deps -r requirements/base.txt
# The code last: a change to it repeats nothing above.
COPY pyproject.toml LICENSE ./
COPY metering/ metering/
COPY webhooks/ webhooks/
COPY service/ service/
RUN tools/bin/pip wheel --no-index --no-deps --no-build-isolation --wheel-dir dist .
RUN tools/bin/pip --python /opt/newsstand/bin/python install --no-index --no-deps dist/newsstand-*.whl

FROM python:${PYTHON}-slim
WORKDIR /app
COPY --from=build /opt/newsstand /opt/newsstand
COPY gunicorn.conf.py plans.yaml ./
COPY networks/ networks/
# In a container 127.0.0.1 is the container alone; who may reach the port is decided by whoever publishes it.
ENV PATH=/opt/newsstand/bin:$PATH BIND_HOST=0.0.0.0 PORT=8000
# A number, so that Kubernetes' runAsNonRoot can be sure of it. Nothing in the image is writable by it; /tmp must be.
USER 10001:10001
EXPOSE 8000
# The process itself, not its parts: a container that is restarted because PostgreSQL is down helps nobody.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=2); c.request('GET', '/health/live'); sys.exit(c.getresponse().status != 200)"]
CMD ["newsstand", "web", "--config", "gunicorn.conf.py"]
