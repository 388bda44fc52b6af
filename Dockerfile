# The studio on a processor alone, for one person or behind a proxy: docs/studio.md says how.
FROM python:3.13-slim AS build
COPY pyproject.toml README.md LICENSE /source/
COPY examples /source/examples
COPY src /source/src
RUN python -m venv /opt/manyhues \
    && /opt/manyhues/bin/pip install --no-cache-dir "/source[studio,tiff]"

FROM python:3.13-slim
COPY --from=build /opt/manyhues /opt/manyhues
# The number, so that whoever mounts a folder can give it away; an orchestrator sees it is not root.
RUN useradd --create-home --uid 10001 manyhues \
    && install --directory --owner manyhues --group manyhues /pictures
ENV PATH=/opt/manyhues/bin:$PATH
USER 10001
WORKDIR /pictures
VOLUME /pictures
EXPOSE 8400
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8400/healthz', timeout=4)"]
# Whoever reaches the port can see all pictures, so without a token nothing starts.
CMD ["sh", "-c", ": \"${MANYHUES_TOKEN:?set it with docker run -e MANYHUES_TOKEN=...}\"; exec manyhues studio --host 0.0.0.0 --port 8400 --folder /pictures"]
