# Tamga in a small image: built in one stage, run as a user without rights in another. Data live under /data.
ARG PYTHON=3.13

FROM python:${PYTHON}-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python -m venv --without-pip /opt/tamga
# Dependencies first, so that a change of the code alone does not install them again. The locks' hashes are checked.
COPY deploy/requirements.lock deploy/build.lock ./
RUN pip --python /opt/tamga/bin/python install --only-binary :all: --require-hashes -r requirements.lock \
 && pip install --only-binary :all: --require-hashes -r build.lock
COPY . .
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && pip --python /opt/tamga/bin/python install --no-deps /wheels/tamga-*.whl \
 && /opt/tamga/bin/python -m compileall -q /opt/tamga

FROM python:${PYTHON}-slim
LABEL org.opencontainers.image.title="Tamga" \
      org.opencontainers.image.description="A GraphQL microservice over an event-sourced, verifiable record of trade deals" \
      org.opencontainers.image.licenses="Apache-2.0"
# Python's own modules come without bytecode, and whoever runs here could not keep it: each start and health check would
# compile them again.
RUN groupadd --system --gid 10001 tamga \
 && useradd --system --uid 10001 --gid tamga --no-create-home --shell /usr/sbin/nologin tamga \
 && install -d -o tamga -g tamga -m 0750 /data /keys \
 && python -m compileall -q -x '/(idlelib|lib2to3|site-packages|tkinter)/' /usr/local/lib/python3.*
COPY --from=build /opt/tamga /opt/tamga
ENV PATH=/opt/tamga/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    TAMGA_HOST=0.0.0.0 TAMGA_PORT=8000 TAMGA_DATA_DIR=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as web; web.urlopen(f\"http://127.0.0.1:{os.environ['TAMGA_PORT']}/healthz\", timeout=2)"]
ENTRYPOINT ["tamga"]
CMD ["serve"]
