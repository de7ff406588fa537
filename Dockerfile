# SPAF in one image: `docker build -t spaf .`, or `make image`. docs/how-to/containers.md says what to
# type. Every package and jar comes from the two locks, hash by hash; nothing here names a registry.
ARG BASE=debian:bookworm-slim

# What both stages have.
FROM ${BASE} AS base
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates python3 tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log

# Set-up as in a checkout, without the tools for tests.
FROM base AS build
RUN apt-get update && apt-get install --yes --no-install-recommends python3-venv
WORKDIR /opt/spaf
COPY requirements.lock ./
COPY tools/setup.py tools/shrink_image.py tools/
RUN python3 -I tools/setup.py --runtime --packages \
    && .venv/bin/python -I tools/shrink_image.py strip
COPY LICENSE README.md pyproject.toml ./
COPY src src
COPY tools/launcher.sh tools/make_sbom.py tools/
# As root, which may write here; PostgreSQL runs under another account even so.
RUN python3 -I tools/setup.py --runtime
RUN .venv/bin/python -I tools/shrink_image.py pack /var/cache/spaf \
    && .venv/bin/python -I -m pip uninstall --yes --quiet --root-user-action ignore pip setuptools \
    && mv .venv/requirements.lock requirements.lock \
    && .venv/bin/python -I -m compileall -q src \
    && .venv/bin/python -I tools/make_sbom.py --system --output sbom.cdx.json \
    && rm -r tools

FROM base
RUN groupadd --gid 10001 spaf \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin spaf \
    && install -d -o spaf -g spaf -m 711 \
        /var/lib/spaf /var/lib/spaf-checkpoints /var/lib/spaf-shared \
    && install -d -o spaf -g spaf -m 755 /var/cache/spaf \
    && install -d /etc/spaf
COPY --from=build /opt/spaf /opt/spaf
ENV PATH=/opt/spaf/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    SPAF_HOME=/var/lib/spaf
USER 10001:10001
# A file spaf.toml that is mounted here is read.
WORKDIR /etc/spaf
# The run folder; and the class-data archives of the JVMs, unpacked at the first start.
VOLUME ["/var/lib/spaf", "/var/cache/spaf"]
# A container of one service (`spaf service NAME`) asks that service, any other the whole run.
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 \
    CMD set -- $(tr '\0' ' ' < /proc/1/cmdline); shift 3; \
        if [ "$1" = service ]; then exec spaf service "$2" --healthy; fi; \
        exec spaf status > /dev/null
ENTRYPOINT ["tini", "--", "spaf"]
CMD ["--help"]
ARG BASE
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="SPAF" \
    org.opencontainers.image.description="A real-time sales pipeline that measures and proves itself" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.created="${CREATED}" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.base.name="${BASE}"
