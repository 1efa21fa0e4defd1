# The service and the shipped artifacts, for a CPU, which takes no torch:
#   docker build -t tanger . && docker run --rm -p 8000:8000 tanger
# For a GPU, name the index of the torch build of its CUDA version:
#   docker build -t tanger:gpu --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu130 .
# BASE may be any image with Python 3.11 or newer as `python3`, and its venv module.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS builder
ARG TORCH_INDEX=

# A C compiler for the decode, which stays behind like all of this stage but /venv. Where none is to be
# had (a BASE without apt, a build without the internet), the build fails unless torch, which then
# decodes, is wanted.
RUN command -v cc || { apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev; } \
    || echo "no C compiler: torch will decode, where TORCH_INDEX names one"

# pip stays behind, too: from a venv of its own it installs into the one that is shipped.
RUN python3 -m venv /pip && python3 -m venv --without-pip /venv

# Wheels only (docopt has none, and needs no compiler). What torch needs comes before torch, which then
# finds it (see the Makefile). What no running program reads goes: torch's C++ headers, its test binaries
# (but torch_shm_manager is looked for at import), everybody's tests, type stubs, sources of compiled
# modules, static libraries, and 11 MB of symbols in uvloop.
WORKDIR /build
COPY requirements.lock requirements-torch.lock requirements-torch.txt ./
RUN pip() { /pip/bin/pip --python /venv/bin/python --no-cache-dir --disable-pip-version-check "$@"; } \
    && pip install --require-hashes --only-binary :all: --no-binary docopt -r requirements.lock \
    && cd /venv/lib/python3*/site-packages \
    && if [ -n "${TORCH_INDEX}" ]; then \
        pip install --require-hashes --only-binary :all: -r /build/requirements-torch.lock \
        && pip install --index-url "${TORCH_INDEX}" -r /build/requirements-torch.txt \
        && rm -r torch/include torch/test \
        && find torch/bin -mindepth 1 -maxdepth 1 ! -name torch_shm_manager -exec rm -r {} +; \
    fi \
    && find . -type d -name tests -prune -exec rm -r {} + \
    && find . -type f -regex '.*\.\(pyi\|pyx\|pxd\|c\|h\|a\)' -delete \
    && if command -v strip; then find uvloop -name '*.so' -exec strip --strip-unneeded {} +; fi

COPY pyproject.toml setup.py README.md LICENSE /src/
COPY tanger /src/tanger
COPY model /src/model
COPY service /src/service
COPY artifacts /src/artifacts
RUN pip() { /pip/bin/pip --no-cache-dir --disable-pip-version-check "$@"; } \
    && pip wheel --no-deps --wheel-dir /wheel /src \
    && pip --python /venv/bin/python install --no-deps --no-index /wheel/*.whl \
    && { [ -n "${TORCH_INDEX}" ] || ls /venv/lib/python3*/site-packages/tanger/model/decoding/native/*.so \
        || { echo "nothing would decode: a C compiler or TORCH_INDEX is needed" >&2; exit 1; }; }

# Bytecode is made here, once, for a root file system that nobody writes to; nothing in an image
# changes under it, so it need not be compared with its source at every start. A checkout made under a
# strict umask is opened to the user that the service runs as.
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /venv/lib/python3*/site-packages/tanger \
    && chmod -R a+rX /venv

FROM ${BASE}
COPY --from=builder /venv /venv
WORKDIR /tmp
ENV PATH=/venv/bin:${PATH} \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TANGER_HOST=0.0.0.0 \
    TANGER_PORT=8000
# By number, so that an orchestrator can tell that it is not root; it owns no file.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# No proxy: Docker hands the host's to every container, and this goes no further than loopback.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(f'http://127.0.0.1:{os.environ[\"TANGER_PORT\"]}/readyz', timeout=4)"]
CMD ["tanger", "serve"]
