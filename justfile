# One word for each habit. `just` lists them.

_default:
    @just --list

# What every change must pass.
check:
    .ci/run

# Format, then lint.
tidy:
    cargo fmt --all
    cargo clippy --release --workspace --all-targets -- -D warnings

# The tests, as the README runs them.
test:
    cargo test --release --workspace

# Train on the best data there is.
train *arguments:
    cargo run --release -- train {{arguments}}

# Every benchmark against its peer (installs the peers into .venv).
benchmark:
    benchmarks/run

# Interrupted and preempted runs on a real Slurm of one node, compared with uninterrupted ones (root; installs slurm-wlm).
slurm:
    cargo build --release
    benchmarks/slurm target/release/imagenette --install
