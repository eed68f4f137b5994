# One image for the API, the scheduler and the bot; deploy/services.yml says which one a container
# runs. docs/operation.md tells how to pin the base image by its digest as well.
ARG PYTHON_IMAGE=python:3.12.13-slim-bookworm

# The packages, in a stage of their own: what installs them stays out of the image.
FROM ${PYTHON_IMAGE} AS packages
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    UV_NO_CACHE=1 \
    UV_LINK_MODE=copy
COPY requirements.txt requirements-uv.txt ./
# Only ready-made wheels, and only those whose hash is in the file: nothing is built here. All are
# compiled, for nothing can be written later.
RUN pip install --require-hashes --only-binary :all: -r requirements-uv.txt \
 && python -m venv --without-pip /opt/packages \
 && uv pip install --python /opt/packages/bin/python --compile-bytecode \
        --no-deps --require-hashes --only-binary :all: -r requirements.txt \
 && uv pip check --python /opt/packages/bin/python


FROM ${PYTHON_IMAGE}
ENV PATH=/opt/packages/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin app \
 && python -m pip uninstall --yes --root-user-action ignore pip \
 && rm -r "$(python -c 'import ensurepip; print(ensurepip.__path__[0])')"

WORKDIR /app
COPY --from=packages /opt/packages /opt/packages
COPY . .
# Compiled now, for the file system is read-only later; var/ is where a volume goes.
RUN python -m compileall -q . && install --directory --owner app --group app var

USER 10001:10001
EXPOSE 5000
STOPSIGNAL SIGTERM
CMD ["python", "-m", "api.main"]
