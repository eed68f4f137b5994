# One image for the API, the scheduler and the bot; docker-compose.yml says which one a container runs.
FROM python:3.12.13-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore

RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin app

WORKDIR /app

# Before the code, so that a change in the code installs nothing anew.
COPY requirements.txt .
RUN pip install -r requirements.txt

COPY . .
RUN install --directory --owner app var

USER 10001
EXPOSE 5000
CMD ["python", "-m", "api.main"]
