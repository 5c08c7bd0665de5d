# The image of every Rollcall service: `docker build -t rollcall .`, then `rollcall service NAME` as its command.

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/rollcall
COPY requirements-run.lock ./
RUN /opt/rollcall/bin/pip install --require-hashes -r requirements-run.lock
COPY pyproject.toml ./
COPY services services
COPY libs libs
RUN /opt/rollcall/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --create-home --home-dir /var/lib/rollcall rollcall
COPY --from=build /opt/rollcall /opt/rollcall
ENV PATH=/opt/rollcall/bin:$PATH PYTHONUNBUFFERED=1 ROLLCALL_WEB_HOST=0.0.0.0 ROLLCALL_PORT=8080
WORKDIR /var/lib/rollcall
USER 10001
EXPOSE 8080
# Alive, not ready: a service that waits for its database must not be restarted for it.
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=6 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['ROLLCALL_PORT']}/health/live\", timeout=2)"]
ENTRYPOINT ["rollcall"]
