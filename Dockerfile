FROM python:3.12-slim AS build
WORKDIR /srv/dawg
COPY setup.cfg setup.py constraints.txt README.md ./
COPY bus bus
COPY dawg_server dawg_server
COPY handlers handlers
RUN python -m venv /opt/dawg && /opt/dawg/bin/pip install --no-cache-dir --constraint constraints.txt .

FROM python:3.12-slim
RUN useradd --create-home --uid 10001 dawg && install -d -o dawg /data
COPY --from=build /opt/dawg /opt/dawg
ENV DATA_DIR=/data MALLOC_ARENA_MAX=2 PYTHONUNBUFFERED=1
USER dawg
WORKDIR /data
EXPOSE 3001
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["/opt/dawg/bin/python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('BACKEND_PORT') or os.environ.get('PORT') or 3001}/health/ready\", timeout=2)"]
CMD ["/opt/dawg/bin/python", "-m", "dawg_server"]
