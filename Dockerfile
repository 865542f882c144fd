# docker build -t saoma .
# docker run -p 8080:8080 -v saoma:/data saoma
#
# Settings come from the environment (SAOMA_…) or from a file mounted at /etc/saoma/config.yaml.
# The repository's history goes into the build so that `saoma version` can name the commit.

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /out/saoma . && mkdir /out/data

# Alpine brings the certificates for calls to the gateways, and wget for the health check.
FROM alpine:3.22
COPY --from=build /out/saoma /usr/local/bin/saoma
COPY --from=build --chown=10001:10001 /out/data /data
ENV SAOMA_DATA_DIR=/data
WORKDIR /etc/saoma
USER 10001:10001
VOLUME /data
EXPOSE 8080
# The port is that of the setting "listen".
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
	CMD ["wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/healthz"]
ENTRYPOINT ["saoma"]
CMD ["serve"]
