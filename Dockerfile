# Tamga in a small image: built in one stage, run as a user without rights in another. Data live under /data.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python -m venv --without-pip /opt/tamga
# Dependencies first, so that a change of the code alone does not install them again. The lock's hashes are checked.
COPY pyproject.toml requirements.lock ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > wanted.txt \
 && pip --python /opt/tamga/bin/python install --only-binary :all: -c requirements.lock -r wanted.txt \
 && pip install -c requirements.lock hatchling
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && pip --python /opt/tamga/bin/python install --no-deps /wheels/tamga-*.whl \
 && /opt/tamga/bin/python -m compileall -q /opt/tamga

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="Tamga" \
      org.opencontainers.image.description="A GraphQL microservice over an event-sourced, verifiable record of trade deals" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin tamga \
 && install -d -o tamga -g tamga -m 0750 /data /keys
COPY --from=build /opt/tamga /opt/tamga
ENV PATH=/opt/tamga/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    TAMGA_HOST=0.0.0.0 TAMGA_PORT=8000 TAMGA_DATA_DIR=/data
USER tamga
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f\"http://127.0.0.1:{os.environ['TAMGA_PORT']}/healthz\", timeout=2)"]
ENTRYPOINT ["tamga"]
CMD ["serve"]
