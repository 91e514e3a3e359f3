# tidemark's image: built and tested on Debian 13, run on its slim variant as an ordinary user.
#   docker build -t tidemark --build-arg REVISION=$(git rev-parse HEAD) .
# --build-arg TEST=no leaves the tests out. For the caches it needs BuildKit, docker's default.
ARG DEBIAN_BUILD_IMAGE=debian:trixie
ARG DEBIAN_RUN_IMAGE=debian:trixie-slim

FROM ${DEBIAN_BUILD_IMAGE} AS build
WORKDIR /src
COPY scripts/install scripts/install
COPY scripts/lib/common.sh scripts/lib/common.sh
# Debian's images throw downloads away; here a cache keeps them.
RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean && scripts/install compile
COPY . .
ARG TEST=yes
RUN --mount=type=cache,target=/root/.cache/ccache \
    cmake --preset release -DCMAKE_CXX_COMPILER_LAUNCHER=ccache && \
    cmake --build --preset release && \
    if [ "$TEST" = yes ]; then ctest --test-dir build/release --output-on-failure; fi
# The program, and the packages that its libraries come in.
RUN mkdir /out && \
    strip -o /out/tidemark build/release/tidemark && \
    ldd /out/tidemark | sed -n 's/.* => \(\/[^ ]*\).*/\1/p' | xargs -n1 realpath | \
      xargs dpkg-query --search | cut -d: -f1 | sort -u > /out/packages

FROM ${DEBIAN_RUN_IMAGE}
RUN --mount=type=bind,from=build,source=/out,target=/out \
    --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    rm -f /etc/apt/apt.conf.d/docker-clean && \
    apt-get -qq update && \
    DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends \
      ca-certificates $(cat /out/packages) && \
    groupadd --gid 10001 tidemark && \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
      --shell /usr/sbin/nologin tidemark && \
    rm -rf /var/log/*
COPY --from=build /out/tidemark /usr/local/bin/tidemark
RUN tidemark --version

ARG REVISION=unknown
ARG VERSION=dev
ARG CREATED=unknown
LABEL org.opencontainers.image.title="tidemark" \
      org.opencontainers.image.description="Debezium change events, from Kafka into PostgreSQL" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

# Inside a container, loopback reaches nobody.
ENV TIDEMARK_HTTP_LISTEN=0.0.0.0:8084
USER 10001:10001
EXPOSE 8084
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s \
  CMD ["tidemark", "status", "-c", "/etc/tidemark/tidemark.conf", "--ready"]
ENTRYPOINT ["tidemark"]
CMD ["run", "-c", "/etc/tidemark/tidemark.conf"]
