# Both bases can be replaced, and pinned by digest: --build-arg RUNTIME_IMAGE=gcr.io/distroless/...@sha256:...
ARG BUILD_IMAGE=node:24-bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot

# What is built runs on every architecture, since no package has native code. So it is built once, on the builder's own.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS packages
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM packages AS build
# Of the packages for development what compiles, and what the console is made of, in the lock file's versions; tests and charts have most of the others.
RUN --mount=type=cache,target=/root/.npm node -e "const own = require('./package.json'); \
    for (const name of Object.keys(own.devDependencies)) \
      if (!/^(?:typescript|vite|preact|uplot|uqr|@types\/(?:node|pg))$/.test(name)) delete own.devDependencies[name]; \
    fs.writeFileSync('package.json', JSON.stringify(own))" && \
    npm install --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json vite.config.ts ./
COPY src src
RUN ["node", "node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json", "--incremental", "false", "--tsBuildInfoFile", "null", "--sourceMap", "false"]
RUN ["node", "node_modules/vite/bin/vite.js", "build"]
# Empty: its owner becomes that of a new volume.
RUN ["node", "-e", "fs.mkdirSync('/data')"]

FROM ${RUNTIME_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Plexgate" \
      org.opencontainers.image.description="An API-key gate for HTTP services" \
      org.opencontainers.image.source="https://github.com/plexgate/plexgate" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# Node's own default for the heap is more than the whole memory of a small container. Beside a small heap its default for
# young objects, 64 MiB, makes each collection a full one: a quarter of the throughput. Four threads that mark what is
# alive, its default too, take one core from the requests for 50 ms; one takes half of that.
ENV NODE_ENV=production \
    NODE_OPTIONS="--max-old-space-size-percentage=60 --max-semi-space-size=16 --v8-pool-size=1" \
    PLEXGATE_REVISION=${REVISION}
# Owned by root and never written to.
COPY package.json LICENSE /app/
COPY config /app/config
COPY --from=packages /app/node_modules /app/node_modules
COPY --from=build /app/dist /app/dist
# The one folder of the user's own: an embedded store goes here, on a volume.
COPY --from=build --chown=65532:65532 /data /var/lib/plexgate
WORKDIR /var/lib/plexgate
USER 65532:65532
# Traffic, admin, key service.
EXPOSE 8080 9090 8081
STOPSIGNAL SIGTERM
# Kubernetes goes by the probes of the pod instead.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["/nodejs/bin/node", "/app/dist/main.js", "healthcheck"]
ENTRYPOINT ["/nodejs/bin/node", "/app/dist/main.js"]
CMD ["run", "--config", "/etc/plexgate/plexgate.yaml"]
