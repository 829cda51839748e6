# The program from source, in an image of its own that runs without root.
#
#     docker build --tag imagenette:0.1 .
#     docker run --rm --volume imagenette:/data --volume "$PWD/runs:/work/runs" imagenette:0.1 train --offline
#
# Datasets and packed pixels live in the volume /data. Runs are written below /work, which is the working directory; a
# folder that is mounted there must be writable for user 1000 (or add `--user "$(id -u)"`).

FROM rust:1.95.0-bookworm AS build
WORKDIR /source
COPY . .
# The commit is compiled in where .git came along.
RUN cargo build --release --locked --package imagenette

FROM debian:bookworm-slim
RUN useradd --uid 1000 --create-home imagenette \
    && install --directory --owner imagenette --mode 0777 /data /work
COPY --from=build /source/target/release/imagenette /usr/local/bin/imagenette
COPY LICENSE-MIT LICENSE-APACHE /usr/local/share/doc/imagenette/
ENV IMAGENETTE_HOME=/data
VOLUME ["/data"]
WORKDIR /work
USER 1000
ENTRYPOINT ["imagenette"]
CMD ["--help"]
