# Unbuilt where this was written: no container runtime was at hand. The steps are those of the README.
FROM python:3.11-slim AS build
WORKDIR /src
COPY . .
RUN pip install --no-cache-dir uv && uv build --wheel --out-dir /dist

FROM python:3.11-slim
COPY --from=build /dist/*.whl /dist/
RUN pip install --no-cache-dir "$(ls /dist/*.whl)[all]" && useradd --create-home breakeven && mkdir /data && chown breakeven /data
USER breakeven
WORKDIR /home/breakeven
VOLUME /data
EXPOSE 8080 8081
HEALTHCHECK CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"
ENTRYPOINT ["breakeven"]
# Beyond loopback the gateway starts only when breakeven.yaml names tenants with keys (SECURITY.md).
CMD ["serve", "--config", "/config/breakeven.yaml", "--data-dir", "/data", "--host", "0.0.0.0"]
